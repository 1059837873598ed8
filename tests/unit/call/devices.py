"""Devices that register with the simulated node."""

from collections.abc import Sequence

from tests.simulation.phone import Phone
from tests.simulation.world import DOMAIN, KEY, NODE, SECRET, World
from trunkline.sip.name_addr import NameAddr
from trunkline.sip.outbound_auth import DigestUser
from trunkline.sip.ports import Transport
from trunkline.sip.uri import SipUri


def register(
    world: World,
    phone: Phone,
    contact: str,
    over: Transport = Transport.UDP,
    headers: Sequence[tuple[str, str]] = (),
) -> None:
    """`phone` registers as the account, with that Contact and those other header fields."""
    phone.agent.request(
        "REGISTER",
        SipUri.parse(f"sip:{NODE};transport={over.lower()}"),
        from_=NameAddr(None, SipUri("sip", KEY, DOMAIN)),
        to=NameAddr(None, SipUri("sip", KEY, DOMAIN)),
        headers=[("Contact", contact), *headers],
        credentials=DigestUser(KEY, SECRET),
        on_response=phone.note_answer,
        on_failure=phone.note_refusal,
    )
    world.clock.advance(0.2)
    assert phone.events[-1] == "answer 200 REGISTER"
