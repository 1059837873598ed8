"""What the running node knows: registrations, bans, health, load."""

from typing import Annotated

from fastapi import APIRouter, Path

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

router = APIRouter(prefix="/v1", tags=["Network"])

Source = Annotated[str, Path(pattern=r"^[0-9A-Fa-f:.%]{2,64}$", examples=["192.0.2.66"])]


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


@router.put("/bans/{source}")
def ban(desk: AtDesk, source: Source, wanted: Banning) -> BanView:
    """Turn a source away, a carrier's or a customer's too: nothing that it sends is read, not even in calls
    that are up (operators). One that is banned already is banned anew."""
    return BanView.model_validate(desk.network.ban(source, wanted.reason, wanted.for_s))


@router.delete("/bans/{source}", status_code=204)
def lift_ban(desk: AtDesk, source: Source) -> None:
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
