"""Carriers: upstream SIP peers, the operator's alone."""

from fastapi import APIRouter
from starlette.responses import Response

from trunkline.trunk.carrier import Carrier
from trunkline.web.api.front import AtDesk
from trunkline.web.api.models.carrier import CarrierPage, CarrierUpdate, CarrierView, NewCarrier
from trunkline.web.api.models.number import PingView, TargetList
from trunkline.web.api.once import Made, OnlyOnce
from trunkline.web.api.resources.forwarding import target_list
from trunkline.web.api.resources.parameters import After, Limit, NamePath, Position
from trunkline.web.api.tags import IfMatch, guard_of, tag_of, tagged

router = APIRouter(prefix="/v1/carriers", tags=["Carriers"])


@router.get("")
def list_carriers(desk: AtDesk, after: After = "", limit: Limit = 50) -> CarrierPage:
    """Carriers by name."""
    found = desk.carriers.page(after=after, limit=limit)
    return CarrierPage(
        items=[CarrierView.of(one) for one in found.items], next=found.items[-1].name if found.more else None
    )


@router.post("", status_code=201, response_model=CarrierView)
def add_carrier(desk: AtDesk, once: OnlyOnce, new: NewCarrier) -> Response:
    """Add a carrier. A route then sends calls to it."""

    def make() -> Made:
        added = desk.carriers.add(new.read())
        return Made(CarrierView.of(added), f"/v1/carriers/{added.name}", tag_of(added))

    return once.make(make)


@router.get("/{name}")
def get_carrier(desk: AtDesk, name: NamePath, response: Response) -> CarrierView:
    """One carrier."""
    return _shown(response, desk.carriers.get(name))


@router.patch("/{name}")
def change_carrier(
    desk: AtDesk, name: NamePath, update: CarrierUpdate, response: Response, if_match: IfMatch = None
) -> CarrierView:
    """Change a carrier."""
    return _shown(response, desk.carriers.update(name, guard=guard_of(if_match), **update.changes()))


@router.delete("/{name}", status_code=204)
def remove_carrier(desk: AtDesk, name: NamePath, if_match: IfMatch = None) -> None:
    """Remove a carrier that no route names any more."""
    desk.carriers.remove(name, guard=guard_of(if_match))


@router.get("/{name}/gateways")
def list_gateways(desk: AtDesk, name: NamePath) -> TargetList:
    """How each of its gateways has answered lately."""
    carrier = desk.carriers.get(name)
    known = {one.uri: one for one in desk.network.health(name) if one.carrier == name}
    return target_list([str(gateway.uri) for gateway in carrier.gateways], known)


@router.post("/{name}/gateways/{position}/ping")
def ping_gateway(desk: AtDesk, name: NamePath, position: Position) -> PingView:
    """Send OPTIONS to one of its gateways now."""
    return PingView.model_validate(desk.carriers.ping(name, position))


def _shown(response: Response, carrier: Carrier) -> CarrierView:
    tagged(response, carrier)
    return CarrierView.of(carrier)
