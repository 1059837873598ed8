"""RFC 3515, and RFC 4488 beside it: REFER within an answered call, and the NOTIFYs that follow it, message by
message.
"""

import pytest

from tests.simulation.phone import Phone
from tests.simulation.transfers import TARGET, refer, transferring
from tests.simulation.world import GATEWAY, World
from trunkline.sip.message import Request, Response

TO = f"<sip:{TARGET}@example.net>"


def to_referrer(world: World) -> list[Request | Response]:
    """Every message that the referrer was sent, since the REFER."""
    packets = world.network.packets
    at = next(
        index
        for index, packet in enumerate(packets)
        if isinstance(packet.message, Request) and packet.message.method == "REFER"
    )
    return [packet.message for packet in packets[at:] if packet.destination == world.customer.host.seen_as]


def notifies(world: World) -> list[Request]:
    return [one for one in to_referrer(world) if isinstance(one, Request) and one.method == "NOTIFY"]


def transferred(to: str = TO, *more: tuple[str, str]) -> tuple[World, Phone]:
    world, third = transferring()
    world.talking_outbound()
    refer(world, world.customer, to, *more)
    return world, third


def finish(world: World) -> None:
    for phone in world.phones:
        if phone.usage is not None:
            phone.usage.bye()
    world.finish()


def test_accepted_with_202_and_told_at_once() -> None:
    """§2.4.2, §2.4.4: a NOTIFY follows immediately, whatever is known."""
    world, _ = transferred()
    accepted, first = to_referrer(world)[:2]
    assert isinstance(accepted, Response)
    assert isinstance(first, Request)
    assert (accepted.status, first.method) == (202, "NOTIFY")
    assert accepted.headers.all("contact")
    finish(world)


def test_notifies_travel_in_the_dialog_of_the_refer() -> None:
    """§2.4.4: Event, Subscription-State and Contact in each; RFC 3261 §12.2.1.1 for the rest."""
    world, _ = transferred()
    dialog = world.heard_by_node("REFER")[0]
    sent = notifies(world)
    numbers = [notify.cseq.number for notify in sent]
    assert numbers == sorted(set(numbers))
    for notify in sent:
        assert notify.call_id == dialog.call_id
        assert (notify.to_tag, notify.from_.tag) == (dialog.from_.tag, dialog.to_tag)
        assert notify.headers.get("event") == "refer"
        assert notify.headers.all("contact")
    finish(world)


def test_bodies_are_status_lines() -> None:
    """§2.4.5: message/sipfrag that begins with the status line of what the target answered."""
    world, _ = transferred()
    sent = notifies(world)
    assert {notify.headers.get("content-type") for notify in sent} == {"message/sipfrag;version=2.0"}
    assert [notify.body for notify in sent] == [
        b"SIP/2.0 100 Trying\r\n",
        b"SIP/2.0 180 Ringing\r\n",
        b"SIP/2.0 200 OK\r\n",
    ]
    finish(world)


def test_the_last_one_ends_the_subscription() -> None:
    """§2.4.7."""
    world, _ = transferred()
    states = [notify.headers.get("subscription-state") or "" for notify in notifies(world)]
    assert all(state.startswith("active;expires=") for state in states[:-1])
    assert states[-1] == "terminated;reason=noresource"
    finish(world)


def test_several_refers_in_one_dialog_are_told_apart() -> None:
    """§2.4.6: by `id`, the sequence number of the REFER, from the second one on."""
    world, third = transferring(on_invite=lambda phone, invite: invite.reject(486))
    world.talking_outbound()
    refer(world, world.customer)
    refer(world, world.customer)
    number = world.heard_by_node("REFER")[-1].cseq.number
    events = [notify.headers.get("event") for notify in notifies(world)]
    assert events == ["refer", "refer", f"refer;id={number}", f"refer;id={number}"]
    assert len(third.invites) == 2
    finish(world)


@pytest.mark.parametrize("fields", [(), (("Refer-To", TO), ("Refer-To", TO)), (("Refer-To", f"{TO}, {TO}"),)])
def test_exactly_one_refer_to(fields: tuple[tuple[str, str], ...]) -> None:
    """§2.4.1: none or several are a bad request."""
    world, third = transferring()
    world.talking_outbound()
    customer = world.customer
    customer.the_usage.request("REFER", customer.note_answer, customer.note_refusal, headers=fields)
    world.clock.advance(2)
    assert "refusal 400" in customer.events
    assert (notifies(world), third.events) == ([], [])
    finish(world)


def test_the_compact_form() -> None:
    """§2.1: `r`."""
    world, third = transferring()
    world.talking_outbound()
    customer = world.customer
    customer.the_usage.request("REFER", customer.note_answer, customer.note_refusal, headers=(("r", TO),))
    world.clock.advance(3)
    assert "answer 202 REFER" in customer.events
    assert len(third.invites) == 1
    finish(world)


def test_a_declined_refer_makes_no_subscription() -> None:
    """§2.4.2: a final answer of 300 or more."""
    world, _ = transferred(f"<sip:{TARGET}@{GATEWAY}?Replaces=a%3Bto-tag%3Db%3Bfrom-tag%3Dc>")
    assert "refusal 603" in world.customer.events
    assert notifies(world) == []
    finish(world)


def test_without_an_implicit_subscription() -> None:
    """RFC 4488 §4: the 2xx says so too, and no NOTIFY is sent."""
    world, third = transferred(TO, ("Refer-Sub", "false"))
    accepted = to_referrer(world)[0]
    assert accepted.headers.get("refer-sub") == "false"
    assert notifies(world) == []
    assert len(third.invites) == 1
    finish(world)


@pytest.mark.parametrize("name", ["Referred-By", "b"])
def test_the_target_is_not_told_who_has_referred(name: str) -> None:
    """RFC 3892: Referred-By names somebody of the customer's."""
    world, third = transferred(TO, (name, "<sip:boss@pbx.example>"))
    (invite,) = third.invites
    assert "referred-by" not in invite.request.headers
    assert b"boss" not in invite.request.to_bytes()
    finish(world)
