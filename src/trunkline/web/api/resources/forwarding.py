"""Forward to SIP: where calls to a number go, and how those endpoints are."""

from collections.abc import Mapping, Sequence

from fastapi import APIRouter
from starlette.responses import Response

from trunkline.trunk.e164 import normalise
from trunkline.trunk.health import HealthState
from trunkline.trunk.number import Number
from trunkline.web.api.front import AtDesk
from trunkline.web.api.models.number import (
    ForwardingView,
    NewForwarding,
    PingView,
    TargetList,
    TargetView,
    TrialCallView,
    TrialStep,
)
from trunkline.web.api.resources.parameters import NumberPath, Position
from trunkline.web.api.tags import IfMatch, guard_of, tagged
from trunkline.web.views import TargetHealth

router = APIRouter(prefix="/v1/numbers/{e164}", tags=["Forward to SIP"])


@router.get("/forwarding")
def get_forwarding(desk: AtDesk, e164: NumberPath, response: Response) -> ForwardingView:
    """Where its calls go."""
    return _shown(response, desk.numbers.get(normalise(e164)))


@router.put("/forwarding")
def set_forwarding(
    desk: AtDesk, e164: NumberPath, new: NewForwarding, response: Response, if_match: IfMatch = None
) -> ForwardingView:
    """Forward its calls to these SIP URIs, in order. A list that can't be read is answered with the entry and
    the position at fault."""
    changed = desk.numbers.forward(normalise(e164), new.read(), guard=guard_of(if_match))
    return _shown(response, changed)


@router.get("/endpoints")
def list_endpoints(desk: AtDesk, e164: NumberPath) -> TargetList:
    """How each endpoint of its forwarding list has answered lately."""
    number = desk.numbers.get(normalise(e164))
    known = {one.uri: one for one in desk.network.health(number.e164) if one.number == number.e164}
    return target_list([str(one.uri) for one in number.forwarding.endpoints], known)


@router.post("/endpoints/{position}/ping")
def ping_endpoint(desk: AtDesk, e164: NumberPath, position: Position) -> PingView:
    """Send OPTIONS to one of its endpoints now."""
    return PingView.model_validate(desk.numbers.ping(normalise(e164), position))


@router.post("/test-call")
def place_test_call(desk: AtDesk, e164: NumberPath) -> TrialCallView:
    """Call the number with a phone of the service's own, and tell what came of it. Takes up to a minute."""
    report, call_id = desk.numbers.trial_call(normalise(e164))
    return TrialCallView(
        call_id=call_id,
        answered=report.answered,
        status=report.status,
        outcome=report.outcome,
        talk_s=report.talk_s,
        codec=report.codec,
        packets_received=report.packets_received,
        packets_lost=report.packets_lost,
        mos=report.mos,
        steps=[TrialStep(after_s=after_s, what=what) for after_s, what in report.steps],
    )


def target_list(uris: Sequence[str], known: Mapping[str, TargetHealth]) -> TargetList:
    """Each of `uris` with what is `known` of it."""
    return TargetList(
        items=[_target_view(position, uri, known.get(uri)) for position, uri in enumerate(uris, 1)]
    )


def _target_view(position: int, uri: str, health: TargetHealth | None) -> TargetView:
    if health is None:
        return TargetView(
            position=position,
            uri=uri,
            state=HealthState.UNKNOWN,
            results=[],
            since_at=None,
            last_at=None,
            last_failure="",
            last_detail="",
        )
    shown = {name: getattr(health, name) for name in TargetView.model_fields if name != "position"}
    return TargetView.model_validate({**shown, "position": position})


def _shown(response: Response, number: Number) -> ForwardingView:
    tagged(response, number)
    return ForwardingView.of(number.forwarding)
