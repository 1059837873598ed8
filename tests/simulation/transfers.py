"""A world in which calls are transferred: a third party behind a carrier of its own, and REFERs."""

from collections.abc import Callable
from dataclasses import replace

from tests.simulation.phone import Phone
from tests.simulation.world import ACCOUNT, CARRIER, NODE, World, answering
from trunkline.sip.uri import SipUri
from trunkline.sip.usage import Usage
from trunkline.sip.user_agent import ALLOW, UserAgentSettings
from trunkline.trunk.account import Account
from trunkline.trunk.carrier import Gateway
from trunkline.trunk.routes import Route, RouteCarrier

TARGET = "33140205050"
ALLOWED = replace(ACCOUNT, refer_enabled=True)
PHONE = UserAgentSettings(product="phone", allow=(*ALLOW, "NOTIFY"))
THIRD, THIRD_2 = "10.0.0.5", "10.0.0.6"


def transferring(
    account: Account = ALLOWED,
    on_invite: Callable[..., None] = answering,
    settings: UserAgentSettings = PHONE,
) -> tuple[World, Phone]:
    """A world in which numbers of France are reached over a carrier of their own, at `THIRD`."""
    world = World(account=account, phone_settings=settings)
    france = replace(
        CARRIER,
        name="france",
        gateways=(
            Gateway(SipUri.parse(f"sip:{THIRD}")),
            Gateway(SipUri.parse(f"sip:{THIRD_2}"), priority=1),
        ),
        sources=(),
    )
    world.node.put(france)
    world.node.put(Route("33", (RouteCarrier("france"),)))
    third = world.phone(THIRD)
    third.on_invite = on_invite
    return world, third


def refer(
    world: World,
    who: Phone,
    to: str = f"<sip:{TARGET}@{NODE}>",
    *more: tuple[str, str],
    seconds: float = 3,
    usage: Usage | None = None,
) -> None:
    """Ask for a transfer, in the call of `usage` or else the last one, and let it go its way."""
    usage = who.the_usage if usage is None else usage
    usage.request("REFER", who.note_answer, who.note_refusal, headers=(("Refer-To", to), *more))
    world.clock.advance(seconds)


def replaces(usage: Usage, more: str = "") -> str:
    """A Refer-To whose target is to replace the dialog of `usage`, one of the referrer's own (RFC 5589
    §7.3).
    """
    dialog = usage.dialog
    tags = f"%3Bto-tag%3D{dialog.remote_tag}%3Bfrom-tag%3D{dialog.local_tag}"
    return f"<sip:{TARGET}@{NODE}?Replaces={dialog.call_id}{tags}{more}>"


def told(world: World, who: Phone) -> list[str]:
    """The status lines that the referrer was notified of."""
    return [notify.body.decode().strip() for notify in world.heard_by(who, "NOTIFY")]


def hang_up(world: World, who: Phone) -> None:
    who.the_usage.bye()
    world.finish()
