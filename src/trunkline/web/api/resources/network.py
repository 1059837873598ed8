"""What the running node knows: registrations, bans, health, load."""

from typing import Annotated

from fastapi import APIRouter, Path
from starlette.responses import Response

from trunkline.web.api.front import AtDesk
from trunkline.web.api.models.network import (
    BanList,
    Banning,
    BanView,
    Draining,
    HealthList,
    HealthView,
    MediaPortsView,
    NodeView,
    RegistrationList,
    RegistrationView,
    StatsView,
)
from trunkline.web.api.once import Made, OnlyOnce

router = APIRouter(prefix="/v1", tags=["Network"])


@router.get("/registrations")
def list_registrations(desk: AtDesk) -> RegistrationList:
    """Devices that are registered now; a customer's own."""
    return RegistrationList(
        items=[RegistrationView.model_validate(one) for one in desk.network.registrations()]
    )


@router.get("/health")
def list_health(desk: AtDesk) -> HealthList:
    """How endpoints and gateways have answered lately; a customer's own endpoints. Of more than 10,000, those
    that are down."""
    return HealthList(items=[HealthView.model_validate(one) for one in desk.network.health()])


@router.get("/bans")
def list_bans(desk: AtDesk) -> BanList:
    """Sources that are turned away (operators)."""
    return BanList(items=[BanView.model_validate(one) for one in desk.network.bans()])


@router.post("/bans", status_code=201, response_model=BanView)
def ban(desk: AtDesk, once: OnlyOnce, wanted: Banning) -> Response:
    """Turn a source away (operators). Nothing that it sends is read, not even in calls that are up, and be it
    a carrier's or a customer's. One that is banned already is banned anew."""

    def make() -> Made:
        made = desk.network.ban(wanted.source, wanted.reason, wanted.for_s)
        return Made(BanView.model_validate(made), f"/v1/bans/{made.source}")

    return once.make(make)


@router.delete("/bans/{source:path}", status_code=204)
def lift_ban(
    desk: AtDesk,
    source: Annotated[str, Path(pattern=r"^[0-9A-Fa-f:.]{2,45}(/64)?$", examples=["192.0.2.66"])],
) -> None:
    """Let a source in again (operators)."""
    desk.network.lift_ban(source)


@router.get("/node")
def get_node(desk: AtDesk) -> NodeView:
    """How the node is doing (operators)."""
    stats = StatsView.model_validate(desk.network.stats())
    return NodeView(**dict(stats), media_ports=MediaPortsView.model_validate(desk.network.media_ports()))


@router.post("/node/drain")
def drain(desk: AtDesk, how: Draining) -> StatsView:
    """Have the node take no new calls, and stop after the last one (operators)."""
    return StatsView.model_validate(desk.network.drain(how.timeout_s))
