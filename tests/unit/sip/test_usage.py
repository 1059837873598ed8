"""The client half of the INVITE usage, and its life."""

import pytest

from tests.simulation.bench import Bench
from tests.simulation.phone import ANSWER, OFFER
from trunkline.sip.failures import FlowFailure, FlowFailureKind
from trunkline.sip.outbound_auth import DigestUser
from trunkline.sip.ports import Transport
from trunkline.sip.usage import QUEUE_MAX, UsageState

CHALLENGE = ("WWW-Authenticate", 'Digest realm="r", nonce="n1", algorithm=MD5, qop="auth"')


@pytest.mark.parametrize(
    ("allow", "method", "expected"),
    [
        (None, "INVITE", True),
        (None, "UPDATE", False),
        (None, "INFO", False),
        ("INVITE, UPDATE", "UPDATE", True),
        ("INVITE, UPDATE", "INFO", False),
        ("INVITE,update", "UPDATE", False),
        ("INVITE, UPDATED", "UPDATE", False),
        ("", "BYE", False),
    ],
)
def test_peer_allows(allow: str | None, method: str, *, expected: bool) -> None:
    bench = Bench()
    bench.call_to_peer(headers=() if allow is None else (("Allow", allow),))
    assert bench.phone.the_usage.peer_allows(method) is expected
    assert bench.phone.the_usage.peer_allows(method) is expected


def test_states() -> None:
    bench = Bench()
    _, request = bench.calling()
    bench.peer.respond(request, 180)
    bench.settle()
    usage = bench.phone.the_usage
    states = [usage.state]
    bench.peer.respond(request, 200, body=ANSWER)
    bench.settle()
    assert bench.phone.the_usage is usage
    states.append(usage.state)
    usage.bye()
    states.append(usage.state)
    assert states == [UsageState.EARLY, UsageState.CONFIRMED, UsageState.TERMINATED]
    assert usage.ended


def test_hang_up() -> None:
    """BYE with what the user wants to say, once; the dialog is kept until it is answered."""
    bench = Bench()
    bench.call_to_peer()
    usage = bench.phone.the_usage
    usage.bye([("X-Why", "enough"), ("Reason", "Q.850;cause=16")])
    usage.bye()
    bench.settle()
    bye = bench.peer.request_heard("BYE")
    assert (bye.headers.get("x-why"), bye.headers.get("reason")) == ("enough", "Q.850;cause=16")
    assert "content-type" not in bye.headers
    assert bench.phone.agent.dialogs == 1
    bench.peer.respond(bye, 200)
    bench.settle()
    assert bench.phone.agent.dialogs == 0
    assert bench.peer.summaries.count("BYE") == 1


@pytest.mark.parametrize("status", [200, 403, 408, 481, 500])
def test_any_answer_to_a_bye_is_the_end(status: int) -> None:
    """RFC 3261 §15.1.1."""
    bench = Bench()
    bench.call_to_peer()
    bench.phone.the_usage.bye()
    bench.settle()
    bench.peer.respond(bench.peer.request_heard("BYE"), status)
    bench.settle()
    assert bench.phone.agent.dialogs == 0
    assert bench.phone.events == []
    bench.finish()


def test_no_answer_to_a_bye_is_the_end() -> None:
    bench = Bench()
    bench.call_to_peer()
    bench.phone.the_usage.bye()
    bench.clock.advance(33)
    assert bench.phone.agent.dialogs == 0
    bench.finish()


def test_ended_usage_does_nothing() -> None:
    bench = Bench()
    bench.call_to_peer()
    usage, phone = bench.phone.the_usage, bench.phone
    usage.bye()
    bench.settle()
    count = len(bench.peer.heard)
    usage.update(OFFER, phone.note_answer, phone.note_refusal)
    usage.reinvite(OFFER, phone.note_answer, phone.note_refusal)
    usage.info("text/plain", b"x", phone.note_answer, phone.note_refusal)
    usage.refresh_session()
    bench.settle()
    assert len(bench.peer.heard) == count
    assert phone.events == []


def test_info() -> None:
    bench = Bench()
    bench.call_to_peer()
    bench.phone.the_usage.info(
        "application/dtmf-relay",
        b"Signal=5",
        bench.phone.note_answer,
        bench.phone.note_refusal,
        [("X-A", "1")],
    )
    bench.settle()
    info = bench.peer.request_heard("INFO")
    assert (info.content_type, info.body, info.headers.get("x-a")) == (
        "application/dtmf-relay",
        b"Signal=5",
        "1",
    )
    bench.peer.respond(info, 200)
    bench.settle()
    assert bench.phone.events == ["answer 200 INFO"]


def test_other_request() -> None:
    bench = Bench()
    bench.call_to_peer()
    bench.phone.the_usage.request("OPTIONS", bench.phone.note_answer, bench.phone.note_refusal)
    bench.settle()
    bench.peer.respond(bench.peer.request_heard("OPTIONS"), 405)
    bench.settle()
    assert bench.phone.events == ["refusal 405"]


def test_answer_to_an_info_after_the_end() -> None:
    """Somebody may wait for it on another leg."""
    bench = Bench()
    bench.call_to_peer()
    bench.phone.the_usage.info("a/b", b"x", bench.phone.note_answer, bench.phone.note_refusal)
    bench.phone.the_usage.bye()
    bench.settle()
    bench.peer.respond(bench.peer.request_heard("INFO"), 200)
    bench.settle()
    assert bench.phone.events == ["answer 200 INFO"]


def test_answer_to_an_update_after_the_end() -> None:
    """Nobody hears of it, and no timer comes back to life."""
    bench = Bench()
    bench.call_to_peer()
    bench.phone.the_usage.update(OFFER, bench.phone.note_answer, bench.phone.note_refusal)
    bench.phone.the_usage.bye()
    bench.settle()
    bench.peer.respond(bench.peer.request_heard("UPDATE"), 200, body=ANSWER)
    bench.peer.respond(bench.peer.request_heard("BYE"), 200)
    bench.settle()
    assert bench.phone.events == []
    bench.finish()


def test_reinvite() -> None:
    """RFC 3261 §14.1: our Contact, what we can, the timer, the offer; ACK for each 2xx; the answer told
    once.
    """
    bench = Bench()
    bench.call_to_peer()
    bench.phone.the_usage.reinvite(
        b"v=0 hold", bench.phone.note_answer, bench.phone.note_refusal, [("X-A", "1")]
    )
    bench.settle()
    request = bench.peer.request_heard("INVITE")
    assert request.cseq == (2, "INVITE")
    assert request.to_tag == "peer"
    assert (request.body, request.content_type) == (b"v=0 hold", "application/sdp")
    assert request.contact is not None
    assert "UPDATE" in request.allow
    assert request.headers.get("x-a") == "1"
    for _ in range(3):
        bench.peer.respond(request, 200, body=ANSWER)
    bench.settle()
    assert bench.phone.events == ["answer 200 INVITE"]
    assert [packet.message.cseq.number for packet in bench.network.sent("ACK")] == [1, 2, 2, 2]
    assert bench.phone.the_usage.local_description == b"v=0 hold"
    bench.phone.the_usage.bye()
    bench.settle()
    bench.peer.respond(bench.peer.request_heard("BYE"), 200)
    bench.settle()
    bench.finish()


def test_no_reinvite_without_a_tag_of_the_peer() -> None:
    """To anybody else it would be a new call. A session that the peer never agreed to time goes on."""
    bench = Bench()
    _, invite = bench.calling()
    bench.peer.respond(invite, 200, to_tag=None, body=ANSWER)
    bench.settle()
    phone = bench.phone
    phone.the_usage.reinvite(OFFER, phone.note_answer, phone.note_refusal)
    assert phone.events[-1] == "refusal 488"
    bench.clock.advance(4000)
    assert bench.peer.summaries == ["INVITE", "ACK"]
    assert phone.the_usage.state is UsageState.CONFIRMED
    phone.the_usage.bye()
    bench.settle()
    assert bench.peer.request_heard("BYE").to_tag is None


def test_queue() -> None:
    """One at a time, in order, and not without end."""
    bench = Bench()
    bench.call_to_peer()
    phone = bench.phone
    for number in range(QUEUE_MAX + 2):
        phone.the_usage.reinvite(f"v=0 {number}".encode(), phone.note_answer, phone.note_refusal)
    assert phone.events == ["refusal 491"]
    for number in range(QUEUE_MAX + 1):
        bench.settle()
        request = bench.peer.request_heard("INVITE")
        assert request.body == f"v=0 {number}".encode()
        bench.peer.respond(request, 200, body=ANSWER)
    bench.settle()
    assert phone.events[1:] == ["answer 200 INVITE"] * (QUEUE_MAX + 1)


def test_queue_of_a_lost_dialog() -> None:
    """What waits is not sent any more."""
    bench = Bench()
    bench.call_to_peer()
    phone = bench.phone
    for _ in range(2):
        phone.the_usage.update(OFFER, phone.note_answer, phone.note_refusal)
    bench.settle()
    bench.peer.respond(bench.peer.request_heard("UPDATE"), 481)
    bench.settle()
    assert phone.events == ["refusal 481", "failed 481 to UPDATE"]
    assert bench.peer.summaries.count("UPDATE") == 1


def test_credentials_for_a_reinvite() -> None:
    """RFC 3261 §22.2; its ACK carries them too (§13.2.2.4)."""
    bench = Bench()
    bench.call_to_peer(credentials=DigestUser("key", "secret"))
    bench.phone.the_usage.reinvite(OFFER, bench.phone.note_answer, bench.phone.note_refusal)
    bench.settle()
    bench.peer.respond(bench.peer.request_heard("INVITE"), 401, headers=(CHALLENGE,))
    bench.settle()
    request = bench.peer.request_heard("INVITE")
    assert request.cseq.number == 3
    assert "authorization" in request.headers
    bench.peer.respond(request, 200, body=ANSWER)
    bench.settle()
    ack = bench.peer.request_heard("ACK")
    assert ack.headers.get("authorization") == request.headers.get("authorization")
    assert bench.phone.events == ["answer 200 INVITE"]


def test_challenge_to_a_callee() -> None:
    """One who has no credentials for the peer relays the refusal."""
    bench = Bench()
    bench.call_from_peer()
    bench.phone.the_usage.update(OFFER, bench.phone.note_answer, bench.phone.note_refusal)
    bench.settle()
    bench.peer.respond(bench.peer.request_heard("UPDATE"), 401, headers=(CHALLENGE,))
    bench.settle()
    assert bench.phone.events == ["refusal 401"]


def test_transport_failure_is_no_end() -> None:
    """RFC 3261 §8.1.3.1 makes it a 503, and a 503 leaves the dialog."""
    bench = Bench()
    bench.call_to_peer()
    bench.phone.the_usage.info("a/b", b"x", bench.phone.note_answer, bench.phone.note_refusal)
    flow = next(iter(bench.phone.host._datagram_flows.values()))
    bench.phone.agent.flow_failed(flow, FlowFailure(FlowFailureKind.UNREACHABLE))
    bench.settle()
    assert bench.phone.events == ["refusal unreachable"]
    assert bench.phone.the_usage.state is UsageState.CONFIRMED


def test_lost_connection_is_replaced() -> None:
    """A request on a connection that has closed makes a new one to the remote target."""
    bench = Bench(transport=Transport.TCP)
    bench.call_from_peer(contact="<sip:peer@10.0.0.9;transport=tcp>")
    next(iter(bench.peer.host.streams.values())).close()
    bench.settle()
    bench.phone.the_usage.bye()
    bench.settle()
    assert bench.peer.summaries[-1] == "BYE"


def test_bye_on_a_connection_that_is_gone_takes_another() -> None:
    """It had seemed to be open: the peer's address is another machine's by now."""
    bench = Bench(transport=Transport.TCP)
    bench.call_from_peer(contact="<sip:peer@10.0.0.9;transport=tcp>")
    (ours,), (theirs,) = bench.phone.host.streams.values(), bench.peer.host.streams.values()
    theirs.closed = True
    bench.phone.the_usage.bye([("X-Why", "so")])
    ours.close()
    bench.settle()
    bye = bench.peer.request_heard("BYE")
    assert bye.headers.get("x-why") == "so"
    bench.peer.respond(bye, 200)
    bench.settle()
    assert bench.phone.agent.dialogs == 0
    bench.finish()
    assert bench.peer.summaries.count("BYE") == 1


def test_refresh_closes_no_offer_of_the_peer() -> None:
    """An UPDATE without an offer comes and goes while a re-INVITE of the peer waits for its answer."""
    bench = Bench()
    bench.call_from_peer()
    bench.hold_offers()
    bench.within("INVITE", body=OFFER)
    bench.phone.the_usage.update(b"", bench.phone.note_answer, bench.phone.note_refusal)
    bench.settle()
    bench.peer.respond(bench.peer.request_heard("UPDATE"), 200)
    bench.settle()
    bench.within("UPDATE", body=OFFER)
    bench.heard("500 UPDATE")


def test_nothing_new_after_the_end() -> None:
    """RFC 5407 §2, Mortal: no new requests, not even a PRACK."""
    bench = Bench()
    bench.call_to_peer()
    bench.phone.the_usage.reinvite(OFFER, bench.phone.note_answer, bench.phone.note_refusal)
    bench.settle()
    bench.phone.the_usage.bye()
    headers = (("Require", "100rel"), ("RSeq", "1"))
    bench.peer.respond(bench.peer.request_heard("INVITE"), 183, headers=headers)
    bench.settle()
    assert "PRACK" not in bench.peer.summaries


def test_no_refresh_beside_a_modification() -> None:
    """What is under way refreshes the session as well (RFC 4028 §7.2)."""
    bench = Bench()
    bench.call_from_peer(headers=(("Supported", "timer"), ("Allow", "UPDATE")))
    bench.clock.advance(899)
    bench.phone.the_usage.reinvite(OFFER, bench.phone.note_answer, bench.phone.note_refusal)
    bench.clock.advance(2)
    bench.peer.respond(
        bench.peer.request_heard("INVITE"), 200, body=ANSWER, headers=(("Session-Expires", "1800"),)
    )
    bench.clock.advance(890)
    assert "UPDATE" not in bench.peer.summaries
    bench.clock.advance(20)
    assert "UPDATE" in bench.peer.summaries


def test_a_refresh_that_has_waited_offers_what_stands_by_then() -> None:
    """RFC 3264 §8: an older description would undo what the peer has just agreed on."""
    bench = Bench()
    bench.call_from_peer(headers=(("Supported", "timer"),))
    exchanges = bench.hold_offers()
    bench.within("INVITE", body=OFFER)
    bench.clock.advance(901)
    assert "INVITE" not in bench.peer.summaries
    (exchange,) = exchanges
    held = ANSWER + b"a=inactive\r\n"
    exchange.accept(held)
    bench.settle()
    bench.within("ACK", cseq=exchange.request.cseq.number)
    assert bench.peer.request_heard("INVITE").body == held
