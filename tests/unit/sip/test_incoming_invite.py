"""An INVITE for us. What RFC 3261 §13.3 asks of it is in tests/conformance/rfc3261_13."""

from contextlib import suppress

import pytest

from tests.simulation.bench import Bench
from tests.simulation.phone import ANSWER, OFFER, Phone
from tests.unit.sip.living import uncollected
from trunkline.sip.errors import SipSyntaxError
from trunkline.sip.incoming_invite import IncomingInvite
from trunkline.sip.usage_events import Offer


def test_pending() -> None:
    bench = Bench()
    invite = bench.invited()
    assert bench.phone.agent.pending_invites == 1
    states = [invite.pending]
    invite.progress(180)
    states.append(invite.pending)
    invite.accept(body=ANSWER)
    states.append(invite.pending)
    assert states == [True, True, False]
    assert bench.phone.agent.pending_invites == 0


def test_one_that_nobody_can_answer_is_not_pending() -> None:
    """The stack answers 500 then, and nothing of it stays."""
    bench = Bench()

    def fault(phone: Phone, invite: IncomingInvite) -> None:
        invite.progress(180)
        raise LookupError("a fault")

    bench.phone.on_invite = fault
    with pytest.raises(LookupError, match="a fault"):
        bench.invited(headers=(("Expires", "20"),))
    bench.settle()
    assert bench.peer.summaries == ["180 INVITE", "500 INVITE"]
    assert not bench.phone.invites[-1].pending
    assert (bench.phone.agent.pending_invites, bench.phone.agent.dialogs) == (0, 0)
    bench.finish()


@pytest.mark.parametrize("fault", [LookupError("a fault"), SipSyntaxError("Supported", "malformed")])
def test_nor_is_one_that_nobody_can_answer_later(fault: Exception) -> None:
    bench = Bench()
    invite = bench.invited(headers=(("Expires", "20"),))
    invite.progress(180)

    def act() -> None:
        raise fault

    with suppress(LookupError):
        invite.attend(act)
    bench.settle()
    assert not invite.pending
    assert (bench.phone.agent.pending_invites, bench.phone.agent.dialogs) == (0, 0)
    bench.finish()


def test_flow_is_where_it_came_from() -> None:
    bench = Bench()
    assert bench.invited().flow.remote == bench.peer.host.address


def test_contact_names_what_was_dialled() -> None:
    """So that requests within the dialog can be told apart by eye; escapes stay as they were."""
    bench = Bench()
    bench.peer.request("INVITE", bench.at, uri="sip:%2B49;x=y@10.0.0.2", body=OFFER)
    bench.settle()
    bench.phone.invites[-1].accept(body=ANSWER)
    bench.settle()
    assert str(bench.peer.response_heard(200, "INVITE").contact) == "<sip:%2B49;x=y@10.0.0.2:5060>"


def test_contact_without_a_user() -> None:
    bench = Bench()
    bench.peer.request("INVITE", bench.at, uri="tel:+4989", body=OFFER)
    bench.settle()
    bench.phone.invites[-1].accept(body=ANSWER)
    bench.settle()
    assert str(bench.peer.response_heard(200, "INVITE").contact) == "<sip:10.0.0.2:5060>"


def test_events_are_those_of_the_dialog_too() -> None:
    bench = Bench()
    other = Phone(bench.network, "10.0.0.3")
    invite = bench.invited()
    invite.events = other
    assert invite.events is invite.usage.events is other
    invite.accept(body=ANSWER)
    bench.settle()
    bench.tag = invite.usage.dialog.local_tag
    bench.within("ACK", cseq=1)
    assert other.events == ["acknowledged"]


def test_no_progress_after_accept() -> None:
    """Neither while it waits for a PRACK nor later."""
    bench = Bench()
    invite = bench.invited(headers=(("Supported", "100rel"),))
    invite.progress(183, body=ANSWER)
    invite.accept(body=ANSWER)
    invite.progress(180)
    invite.accept(body=ANSWER)
    bench.settle()
    assert bench.peer.summaries == ["183 INVITE"]


def test_no_progress_without_the_offer_that_it_has_to_hold() -> None:
    """A minute has gone by, but the first reliable response has to hold an offer (RFC 3262 §5), which nobody
    has made.
    """
    bench = Bench()
    invite = bench.invited(body=b"", headers=(("Require", "100rel"),))
    bench.clock.advance(65)
    assert bench.peer.summaries == ["100 INVITE"]
    invite.progress(180, body=OFFER)
    bench.settle()
    assert bench.peer.response_heard(180, "INVITE").body == OFFER


def test_offer_state() -> None:
    """Whose offer is open: the caller's until it is answered for good."""
    bench = Bench()
    invite = bench.invited()
    states = [invite.usage.offer]
    invite.progress(183, body=ANSWER)
    states.append(invite.usage.offer)
    invite.accept(body=ANSWER)
    states.append(invite.usage.offer)
    assert states == [Offer.THEIRS, Offer.THEIRS, Offer.NONE]
    assert invite.usage.local_description == ANSWER


def test_refused_without_a_trace() -> None:
    """No dialog is made for an INVITE that is refused at once."""
    bench = Bench()
    invite = bench.invited()
    assert bench.phone.agent.dialogs == 0
    invite.reject(404)
    assert bench.phone.agent.dialogs == 0
    bench.finish()


def test_nothing_but_the_user_keeps_a_call_alive() -> None:
    """No cycle of references: what is over is gone without the garbage collector."""
    with uncollected() as living:
        bench = Bench()
        before = living()
        bench.call_from_peer()
        assert living() == before + 1
        bench.within("BYE")
        bench.clock.advance(100)
        bench.phone.usage = None
        bench.phone.invites.clear()
        assert living() == before
