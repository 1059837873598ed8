"""One request of ours within a dialog: when it is tried again, and when not."""

import pytest

from tests.simulation.bench import Bench
from tests.simulation.phone import ANSWER, OFFER
from trunkline.sip.failures import FlowFailure, FlowFailureKind
from trunkline.sip.outbound_auth import DigestUser


def update(bench: Bench, body: bytes = OFFER) -> None:
    bench.phone.the_usage.update(body, bench.phone.note_answer, bench.phone.note_refusal)
    bench.settle()


def numbers(bench: Bench, method: str) -> list[int]:
    """The sequence numbers used for that method."""
    return sorted({packet.message.cseq.number for packet in bench.network.sent(method)})


@pytest.mark.parametrize(
    ("retry_after", "waited"),
    [
        ("0", 0.0),
        ("3", 3.0),
        ("10", 10.0),
        ("2 (busy)", 2.0),
        ("5;duration=60", 5.0),
        ("11", None),
        ("x", None),
    ],
)
def test_500_with_retry_after(retry_after: str, waited: float | None) -> None:
    """RFC 3261 §14.2: up to 10 s are waited for."""
    bench = Bench()
    bench.call_to_peer()
    update(bench)
    bench.peer.respond(bench.peer.request_heard("UPDATE"), 500, headers=(("Retry-After", retry_after),))
    answered = bench.clock.now()
    bench.clock.advance(12)
    if waited is None:
        assert numbers(bench, "UPDATE") == [2]
        assert bench.phone.events == ["refusal 500"]
    else:
        assert numbers(bench, "UPDATE") == [2, 3]
        second = min(p.at for p in bench.network.sent("UPDATE") if p.message.cseq.number == 3)
        assert second - answered == pytest.approx(waited, abs=0.1)


def test_500_to_what_offers_nothing() -> None:
    bench = Bench()
    bench.call_to_peer()
    update(bench, b"")
    bench.peer.respond(bench.peer.request_heard("UPDATE"), 500, headers=(("Retry-After", "1"),))
    bench.clock.advance(5)
    assert bench.phone.events == ["refusal 500"]


def test_retry_waits_for_the_peers_own_exchange() -> None:
    """When the time of the retry has come, an offer of the peer may be open: another round."""
    bench = Bench()
    bench.call_from_peer()
    exchanges = bench.hold_offers()
    update(bench)
    bench.peer.respond(bench.peer.request_heard("UPDATE"), 491)
    bench.settle()
    count = len(bench.network.sent("UPDATE"))
    bench.within("INVITE", body=OFFER)
    bench.clock.advance(20)
    assert len(bench.network.sent("UPDATE")) <= count + 1
    exchanges[0].accept(ANSWER)
    bench.settle()
    bench.within("ACK", cseq=bench.cseq)
    bench.clock.advance(3)
    assert len(numbers(bench, "UPDATE")) >= 2


def test_attempts_are_bounded() -> None:
    """Whatever the peer says, and for whatever reason."""
    bench = Bench()
    bench.call_to_peer(credentials=DigestUser("u", "s"))
    update(bench)
    answers = [
        (401, ("WWW-Authenticate", 'Digest realm="r", nonce="1", qop="auth"')),
        (422, ("Min-SE", "2000")),
        (491, ("X-A", "1")),
        (407, ("Proxy-Authenticate", 'Digest realm="p", nonce="2", qop="auth"')),
        (422, ("Min-SE", "3000")),
        (491, ("X-A", "1")),
    ]
    for status, field in answers:
        request = bench.peer.request_heard("UPDATE")
        bench.peer.respond(request, status, headers=(field,))
        bench.clock.advance(4.1)
    assert numbers(bench, "UPDATE") == [2, 3, 4, 5, 6, 7]
    assert bench.phone.events == ["refusal 491"]
    assert {"authorization", "proxy-authorization"} <= set(request.headers.keys())
    assert request.headers.get("session-expires") == "3000;refresher=uac"


def test_rounds_of_credentials() -> None:
    """Two, however many nonces the peer has."""
    bench = Bench()
    bench.call_to_peer(credentials=DigestUser("u", "s"))
    update(bench)
    for nonce in range(4):
        field = ("WWW-Authenticate", f'Digest realm="r", nonce="{nonce}", qop="auth"')
        bench.peer.respond(bench.peer.request_heard("UPDATE"), 401, headers=(field,))
        bench.settle()
    assert numbers(bench, "UPDATE") == [2, 3, 4]
    assert bench.phone.events == ["refusal 401"]


def test_next_one_goes_after_a_transport_failure() -> None:
    bench = Bench()
    bench.call_to_peer()
    for _ in range(2):
        update(bench)
    flow = next(iter(bench.phone.host._datagram_flows.values()))
    bench.phone.agent.flow_failed(flow, FlowFailure(FlowFailureKind.UNREACHABLE))
    bench.settle()
    assert numbers(bench, "UPDATE") == [2, 3]
    assert bench.phone.events == ["refusal unreachable"]


def test_interval_of_an_answer_that_names_none() -> None:
    """RFC 4028 §7.2: what was asked for stands, and we refresh."""
    bench = Bench()
    bench.call_to_peer(headers=(("Session-Expires", "600;refresher=uas"),))
    update(bench)
    bench.peer.respond(bench.peer.request_heard("UPDATE"), 200, body=ANSWER)
    bench.settle()
    timer = bench.phone.the_usage.session_timer
    assert (timer.interval_s, timer.refreshing, timer.agreed) == (600, True, False)


def test_a_reinvite_is_cancelled_wherever_it_is() -> None:
    """RFC 3261 §9.1: on its way, between two attempts, or before its turn."""
    bench = Bench()
    bench.call_to_peer()
    phone, usage = bench.phone, bench.phone.the_usage
    first = usage.reinvite(OFFER, phone.note_answer, phone.note_refusal)
    usage.reinvite(OFFER, phone.note_answer, phone.note_refusal).cancel()
    assert phone.events == ["refusal 487"], "the second, which waited"
    bench.settle()
    bench.peer.respond(bench.peer.request_heard("INVITE"), 500, headers=(("Retry-After", "5"),))
    bench.settle()
    first.cancel()
    assert phone.events == ["refusal 487"] * 2
    third = usage.reinvite(OFFER, phone.note_answer, phone.note_refusal)
    bench.settle()
    bench.peer.respond(bench.peer.request_heard("INVITE"), 183)
    bench.settle()
    third.cancel()
    bench.settle()
    assert bench.peer.summaries[-1] == "CANCEL"
    bench.peer.respond(bench.peer.request_heard("INVITE"), 491)
    bench.clock.advance(10)
    assert phone.events == [*["refusal 487"] * 2, "refusal 491"], "and it is not tried again"
    assert numbers(bench, "INVITE") == [1, 2, 3]


def test_a_reinvite_that_has_its_outcome_is_not_cancelled() -> None:
    """It would take the turn from the one that has it now."""
    bench = Bench()
    bench.call_to_peer()
    phone, usage = bench.phone, bench.phone.the_usage
    done = usage.reinvite(OFFER, phone.note_answer, phone.note_refusal)
    bench.settle()
    bench.peer.respond(bench.peer.request_heard("INVITE"), 488)
    bench.settle()
    usage.update(OFFER, phone.note_answer, phone.note_refusal)
    bench.settle()
    done.cancel()
    usage.reinvite(OFFER, phone.note_answer, phone.note_refusal)
    bench.settle()
    assert phone.events == ["refusal 488"]
    assert bench.peer.summaries[-1] == "UPDATE", "the next one waits for its answer"
