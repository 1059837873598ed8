"""RFC 5407 §3: the race conditions, each under the number of its section. `phone` is the one who is
tested.
"""

import pytest

from tests.simulation.bench import Bench
from tests.simulation.phone import ANSWER, OFFER, Phone, assert_nothing_left, established
from tests.simulation.virtual_network import VirtualNetwork
from tests.unit.virtual_clock import FakeClock
from trunkline.sip.usage import UsageState


def test_3_1_1_invite_repeated_in_moratorium() -> None:
    """Absorbed: no response, no second call."""
    bench = Bench()
    bench.invited().accept(body=ANSWER)
    bench.settle()
    bench.peer.request("INVITE", bench.at, body=OFFER, branch="z9hG4bKpeer1")
    bench.settle()
    assert bench.peer.summaries == ["200 INVITE"]
    assert len(bench.phone.invites) == 1


def test_3_1_2_cancel_in_moratorium() -> None:
    """The CANCEL is answered; the INVITE stays answered with 200; the BYE that follows ends it."""
    bench = Bench()
    invite = bench.invited()
    invite.progress(180)
    invite.accept(body=ANSWER)
    bench.peer.request("CANCEL", bench.at, branch="z9hG4bKpeer1")
    bench.settle()
    bench.heard("200 CANCEL")
    bench.tag = invite.usage.dialog.local_tag
    bench.within("ACK", cseq=1)
    bench.within("BYE")
    bench.heard("200 BYE")
    assert bench.phone.events[-2:] == ["acknowledged", "bye_received"]
    bench.finish()


def test_3_1_3_bye_in_moratorium() -> None:
    """Answered; the 200 to the INVITE goes on until its ACK, so that the caller's INVITE comes to an end."""
    bench = Bench()
    invite = bench.invited()
    invite.progress(180)
    invite.accept(body=ANSWER)
    bench.tag = invite.usage.dialog.local_tag
    bench.within("BYE")
    bench.heard("200 BYE")
    assert bench.phone.events[-1] == "bye_received"
    bench.clock.advance(2)
    assert bench.peer.summaries.count("200 INVITE") == 3
    bench.within("ACK", cseq=1)
    bench.clock.advance(10)
    assert bench.peer.summaries.count("200 INVITE") == 3
    assert bench.phone.events[-1] == "bye_received"
    assert bench.phone.agent.dialogs == 0
    bench.finish()


def test_3_1_3_without_an_ack() -> None:
    """A dialog that the peer has ended needs no BYE of ours."""
    bench = Bench()
    invite = bench.invited()
    invite.accept(body=ANSWER)
    bench.settle()
    bench.tag = invite.usage.dialog.local_tag
    bench.within("BYE")
    bench.clock.advance(40)
    assert "BYE" not in bench.peer.summaries
    assert bench.phone.agent.dialogs == 0
    bench.finish()


def test_3_1_4_reinvite_in_moratorium_after_an_answer() -> None:
    """200: the first exchange is complete as far as the callee is concerned; both ACKs are taken."""
    bench = Bench()
    invite = bench.invited()
    invite.accept(body=ANSWER)
    bench.settle()
    bench.tag = invite.usage.dialog.local_tag
    bench.within("INVITE", body=OFFER)
    assert bench.heard("200 INVITE").cseq.number == 2
    bench.within("ACK", cseq=1)
    bench.within("ACK", cseq=2)
    assert bench.phone.events[-2:] == ["acknowledged", "acknowledged"]
    bench.clock.advance(10)
    assert bench.phone.agent.dialogs == 1


def test_3_1_5_reinvite_in_moratorium_after_an_offer() -> None:
    """491: our offer in the 200 has no answer yet."""
    bench = Bench()
    invite = bench.invited(body=b"")
    invite.accept(body=OFFER)
    bench.settle()
    bench.tag = invite.usage.dialog.local_tag
    bench.within("INVITE", body=OFFER)
    bench.heard("491 INVITE")
    bench.within("ACK", cseq=1, body=ANSWER)
    assert bench.phone.events[-1] == "acknowledged"
    bench.within("INVITE", body=OFFER)
    assert bench.heard("200 INVITE").cseq.number == 3


def test_3_1_6_bye_while_the_ack_is_lost() -> None:
    """The session doesn't come back with the ACK."""
    bench = Bench()
    invite = bench.invited()
    invite.accept(body=ANSWER)
    bench.clock.advance(1)
    bench.tag = invite.usage.dialog.local_tag
    bench.within("BYE")
    bench.within("ACK", cseq=1)
    assert invite.usage.state is UsageState.TERMINATED
    assert "acknowledged" not in bench.phone.events
    bench.finish()


def test_3_2_1_bye_crosses_bye() -> None:
    """200 on both sides, and no second hang-up is told."""
    clock = FakeClock()
    network = VirtualNetwork(clock)
    caller, callee = Phone(network, "10.0.0.1"), Phone(network, "10.0.0.2")
    established(caller, callee, clock)
    caller.the_usage.bye()
    callee.the_usage.bye()
    clock.advance(1)
    assert sorted(network.summaries()) == ["200 BYE", "200 BYE", "BYE", "BYE"]
    assert caller.events == callee.events == []
    assert_nothing_left(clock, caller, callee)


@pytest.mark.parametrize("method", ["INVITE", "UPDATE", "INFO", "REFER"])
def test_3_2_2_and_3_3_3_other_requests_while_mortal(method: str) -> None:
    """481."""
    bench = Bench()
    bench.call_from_peer()
    bench.phone.the_usage.bye()
    bench.within(method, body=OFFER if method != "REFER" else b"")
    bench.heard(f"481 {method}")
    assert bench.phone.events == []


def test_3_2_3_reinvite_is_answered_while_mortal() -> None:
    """The ACK goes out, again for each repetition; nobody is told."""
    bench = Bench()
    bench.call_to_peer()
    usage = bench.phone.the_usage
    usage.reinvite(OFFER, bench.phone.note_answer, bench.phone.note_refusal)
    bench.settle()
    request = bench.peer.request_heard("INVITE")
    usage.bye()
    for _ in range(2):
        bench.peer.respond(request, 200, body=ANSWER)
    bench.settle()
    acks = [packet.message for packet in bench.network.sent("ACK")]
    assert [ack.cseq.number for ack in acks] == [1, 2, 2]
    assert bench.phone.events == []
    bench.peer.respond(bench.peer.request_heard("BYE"), 200)
    bench.settle()
    bench.finish()


def test_3_2_4_ack_while_mortal() -> None:
    """The callee hangs up before the ACK has come: the ACK ends the repetition and lets the BYE go."""
    bench = Bench()
    invite = bench.invited()
    invite.accept(body=ANSWER)
    invite.usage.bye()
    bench.settle()
    bench.tag = invite.usage.dialog.local_tag
    bench.within("ACK", cseq=1)
    assert bench.peer.summaries == ["200 INVITE", "BYE"]
    bench.clock.advance(1)
    assert bench.peer.summaries.count("200 INVITE") == 1


def test_hang_up_of_both_before_the_ack() -> None:
    """The caller's BYE overtakes its ACK, and spares ours."""
    bench = Bench()
    invite = bench.invited()
    invite.accept(body=ANSWER)
    invite.usage.bye()
    bench.settle()
    bench.tag = invite.usage.dialog.local_tag
    bench.within("BYE")
    bench.within("ACK", cseq=1)
    bench.clock.advance(5)
    assert "BYE" not in bench.peer.summaries
    assert "200 BYE" in bench.peer.summaries
    bench.finish()


def test_3_3_1_reinvite_crosses_reinvite() -> None:
    """491 for both; the one without the Call-ID tries first, then the other one; both get their answer."""
    clock = FakeClock()
    network = VirtualNetwork(clock)
    caller, callee = Phone(network, "10.0.0.1"), Phone(network, "10.0.0.2")
    established(caller, callee, clock)
    for phone in (caller, callee):
        phone.the_usage.reinvite(OFFER, phone.note_answer, phone.note_refusal)
    clock.advance(1e-3)
    start = clock.now()
    clock.advance(10)
    assert network.summaries().count("491 INVITE") == 2
    retries = [packet for packet in network.sent("INVITE") if packet.at > start]
    assert [packet.source for packet in retries] == [callee.host.address, caller.host.address]
    assert retries[0].at - start <= 2.1
    assert 2.1 <= retries[1].at - start <= 4.1
    assert caller.events == ["offer_received INVITE", "acknowledged", "answer 200 INVITE"]
    assert callee.events == ["answer 200 INVITE", "offer_received INVITE", "acknowledged"]


def test_3_3_2_update_with_offer_crosses_reinvite() -> None:
    """491 for both."""
    bench = Bench()
    bench.call_to_peer()
    bench.phone.the_usage.update(OFFER, bench.phone.note_answer, bench.phone.note_refusal)
    bench.within_to_caller("INVITE", cseq=1, body=OFFER)
    bench.heard("491 INVITE")
    bench = Bench()
    bench.call_to_peer()
    bench.phone.the_usage.reinvite(OFFER, bench.phone.note_answer, bench.phone.note_refusal)
    bench.settle()
    bench.peer.respond(bench.peer.request_heard("INVITE"), 100, to_tag=None)
    bench.peer.request(
        "UPDATE",
        bench.at,
        call_id=bench.peer.request_heard("INVITE").call_id,
        to_tag=bench.tag,
        body=OFFER,
    )
    bench.settle()
    bench.heard("491 UPDATE")


def test_3_3_2_update_without_offer_crosses_reinvite() -> None:
    """Both succeed: 491 is about offers."""
    bench = Bench()
    bench.call_to_peer()
    bench.phone.the_usage.update(b"", bench.phone.note_answer, bench.phone.note_refusal)
    bench.within_to_caller("INVITE", cseq=1, body=OFFER)
    bench.heard("200 INVITE")


def test_second_reinvite_before_the_first_is_answered() -> None:
    """RFC 3261 §14.2: 500 with a Retry-After of 0 to 10 s."""
    bench = Bench()
    bench.call_from_peer()
    exchanges = bench.hold_offers()
    bench.within("INVITE", body=OFFER)
    bench.within("INVITE", body=b"")
    response = bench.heard("500 INVITE")
    assert 0 <= int(response.headers.get("retry-after") or "99") <= 10
    exchanges[0].accept(ANSWER)
    bench.settle()
    assert bench.heard("200 INVITE").cseq.number == 2


def test_our_reinvite_waits_for_the_peers() -> None:
    """RFC 3261 §14.1: not while another INVITE is in progress in either direction."""
    bench = Bench()
    bench.call_from_peer()
    exchanges = bench.hold_offers()
    bench.within("INVITE", body=OFFER)
    bench.phone.the_usage.reinvite(OFFER, bench.phone.note_answer, bench.phone.note_refusal)
    bench.settle()
    assert "INVITE" not in bench.peer.summaries
    exchanges[0].accept(ANSWER)
    bench.settle()
    assert "INVITE" not in bench.peer.summaries
    bench.within("ACK", cseq=bench.cseq)
    assert "INVITE" in bench.peer.summaries


def test_our_reinvite_waits_for_the_first_ack() -> None:
    bench = Bench()
    invite = bench.invited()
    invite.accept(body=ANSWER)
    invite.usage.reinvite(OFFER, bench.phone.note_answer, bench.phone.note_refusal)
    bench.settle()
    assert "INVITE" not in bench.peer.summaries
    bench.tag = invite.usage.dialog.local_tag
    bench.within("ACK", cseq=1)
    assert "INVITE" in bench.peer.summaries


def test_bye_ends_the_exchange_under_way() -> None:
    """RFC 3261 §15.1.2: a pending request gets a 487."""
    bench = Bench()
    bench.call_from_peer()
    exchanges = bench.hold_offers()
    bench.within("INVITE", body=OFFER)
    bench.within("BYE")
    assert bench.peer.summaries[-2:] == ["200 BYE", "487 INVITE"]
    exchanges[0].accept(ANSWER)
    bench.settle()
    assert bench.peer.summaries[-1] == "487 INVITE"
    bench.finish()
