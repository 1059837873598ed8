"""RFC 3262 §3 and §5: reliable provisional responses that we send."""

import pytest

from tests.simulation.bench import Bench
from tests.simulation.phone import ANSWER, OFFER, Phone
from trunkline.sip.incoming_invite import IncomingInvite
from trunkline.sip.message import Response

SUPPORTED = (("Supported", "100rel"),)
REQUIRED = (("Require", "100rel"),)


def heard(bench: Bench, status: int) -> Response:
    return bench.peer.response_heard(status, "INVITE")


def prack(
    bench: Bench, invite: IncomingInvite, status: int, *, rseq: int | None = None, body: bytes = b""
) -> None:
    """The peer acknowledges that response, or the one with that number."""
    bench.tag = invite.usage.dialog.local_tag
    number = heard(bench, status).rseq if rseq is None else rseq
    bench.within("PRACK", headers=(("RAck", f"{number} 1 INVITE"),), body=body)


@pytest.mark.parametrize(
    ("headers", "body", "asked", "reliably"),
    [
        ((), ANSWER, None, False),
        ((), ANSWER, True, False),
        (SUPPORTED, b"", None, False),
        (SUPPORTED, ANSWER, None, True),
        (SUPPORTED, b"", True, True),
        (SUPPORTED, ANSWER, False, False),
        (REQUIRED, b"", None, True),
        (REQUIRED, b"", False, True),
    ],
)
def test_which_are_reliable(
    headers: tuple[tuple[str, str], ...], body: bytes, *, asked: bool | None, reliably: bool
) -> None:
    """§3: never to a caller without support, always to one that requires it, else when there is something to
    lose.
    """
    bench = Bench()
    invite = bench.invited(headers=headers)
    invite.progress(183, body=body, reliable=asked)
    bench.settle()
    response = heard(bench, 183)
    assert ("rseq" in response.headers) is reliably
    assert ("100rel" in response.require) is reliably
    assert "contact" in response.headers


def test_trying_is_never_reliable() -> None:
    bench = Bench()
    bench.invited(headers=REQUIRED).trying()
    bench.settle()
    assert "rseq" not in heard(bench, 100).headers


def test_repeated_until_the_prack() -> None:
    """§3: from T1, doubling without a cap; the first RSeq within 1 and 2**31 - 1."""
    bench = Bench()
    invite = bench.invited(headers=REQUIRED)
    invite.progress(180)
    bench.clock.advance(16)
    sent = bench.network.sent("180 INVITE")
    assert [round(packet.at - sent[0].at, 3) for packet in sent] == [0, 0.5, 1.5, 3.5, 7.5, 15.5]
    first = heard(bench, 180).rseq
    assert first is not None
    assert 1 <= first < 2**31
    prack(bench, invite, 180)
    bench.heard("200 PRACK")
    assert not [event for event in bench.phone.events if "PRACK" in event.upper()], "it offers nothing"
    bench.clock.advance(40)
    assert len(bench.network.sent("180 INVITE")) == 6


def test_no_prack() -> None:
    """§3: after 64*T1 the INVITE is refused with a 5xx."""
    bench = Bench()
    bench.invited(headers=REQUIRED).progress(180)
    bench.clock.advance(31.9)
    assert "504 INVITE" not in bench.peer.summaries
    bench.clock.advance(0.2)
    assert "504 INVITE" in bench.peer.summaries
    assert bench.phone.events[-1] == "failed no PRACK for a provisional response"
    bench.finish()


def test_one_after_the_other() -> None:
    """§3: the second waits for the first one's PRACK, and is numbered one higher."""
    bench = Bench()
    invite = bench.invited(headers=REQUIRED)
    for status in (180, 181, 182):
        invite.progress(status)
    bench.settle()
    assert bench.peer.summaries == ["180 INVITE"]
    first = heard(bench, 180).rseq
    assert first is not None
    prack(bench, invite, 180)
    assert heard(bench, 181).rseq == first + 1
    prack(bench, invite, 181)
    assert heard(bench, 182).rseq == first + 2


def test_prack_that_matches_nothing() -> None:
    """§3: 481; and the response goes on being repeated."""
    bench = Bench()
    invite = bench.invited(headers=REQUIRED)
    invite.progress(180)
    bench.settle()
    prack(bench, invite, 180, rseq=1)
    bench.heard("481 PRACK")
    for rack in ("1 INVITE", f"{heard(bench, 180).rseq} 2 INVITE", f"{heard(bench, 180).rseq} 1 UPDATE"):
        bench.within("PRACK", headers=(("RAck", rack),))
    bench.within("PRACK")
    assert "200 PRACK" not in bench.peer.summaries
    bench.clock.advance(1)
    assert bench.peer.summaries.count("180 INVITE") > 1
    prack(bench, invite, 180)
    prack(bench, invite, 180)
    assert bench.peer.summaries[-2:] == ["200 PRACK", "481 PRACK"]


def test_2xx_waits_for_the_prack_of_a_description() -> None:
    """§3, §5: MUST NOT be sent before; and the description isn't repeated in it (RFC 6337 §3.1.1)."""
    bench = Bench()
    invite = bench.invited(headers=SUPPORTED)
    invite.progress(183, body=ANSWER)
    invite.accept(body=ANSWER, headers=[("X-Answer", "1")])
    bench.clock.advance(1)
    assert "200 INVITE" not in bench.peer.summaries
    prack(bench, invite, 183)
    assert heard(bench, 200).body == b""
    assert heard(bench, 200).headers.get("x-answer") == "1"


def test_answer_is_given_once() -> None:
    """RFC 6337 §3.1.1: no later response carries a description; and it is what a refresh repeats."""
    bench = Bench()
    invite = bench.invited(headers=SUPPORTED)
    invite.progress(183, body=ANSWER)
    bench.settle()
    prack(bench, invite, 183)
    invite.progress(180, body=b"v=0 another")
    bench.settle()
    response = heard(bench, 180)
    assert response.body == b""
    assert "rseq" not in response.headers
    invite.progress(182)
    invite.accept(body=b"v=0 another")
    bench.settle()
    assert heard(bench, 200).body == b""
    assert invite.usage.local_description == ANSWER


def test_2xx_overtakes_one_without_a_description() -> None:
    """§3: it may; the provisional response isn't repeated any more, and its PRACK still answered."""
    bench = Bench()
    invite = bench.invited(headers=REQUIRED)
    invite.progress(180)
    invite.accept(body=ANSWER)
    bench.settle()
    assert heard(bench, 200).body == ANSWER
    bench.clock.advance(2)
    assert bench.peer.summaries.count("180 INVITE") == 1
    prack(bench, invite, 180)
    bench.heard("200 PRACK")


def test_rejection_overtakes_anything() -> None:
    bench = Bench()
    invite = bench.invited(headers=SUPPORTED)
    invite.progress(183, body=ANSWER)
    invite.accept(body=ANSWER)
    invite.reject(500)
    bench.clock.advance(2)
    assert bench.peer.summaries[:2] == ["183 INVITE", "500 INVITE"]
    assert bench.peer.summaries.count("183 INVITE") == 1


def test_cancel_while_the_answer_waits() -> None:
    bench = Bench()
    invite = bench.invited(headers=SUPPORTED)
    invite.progress(183, body=ANSWER)
    invite.accept(body=ANSWER)
    bench.peer.request("CANCEL", bench.at, branch="z9hG4bKpeer1")
    bench.settle()
    bench.heard("487 INVITE")
    assert bench.phone.events[-1] == "cancelled"
    bench.finish()


def test_offer_in_a_reliable_response() -> None:
    """§5: an INVITE without an offer gets it in the first reliable response; the PRACK has the answer."""
    bench = Bench()
    invite = bench.invited(body=b"", headers=SUPPORTED)
    invite.progress(183, body=OFFER)
    bench.settle()
    prack(bench, invite, 183, body=ANSWER)
    bench.heard("200 PRACK")
    assert bench.phone.events[-1] == "prack_received"
    assert bench.phone.requests[-1].body == ANSWER
    assert invite.usage.offer.value == "none"
    invite.accept(body=OFFER)
    bench.settle()
    assert heard(bench, 200).body == b""
    bench.within("ACK", cseq=1)
    assert bench.phone.the_usage.offer.value == "none"


def test_offer_in_the_prack() -> None:
    """§5: its answer goes into the 2xx to the PRACK, when the user has one."""
    bench = Bench()
    exchanges = bench.hold_offers()
    invite = bench.invited(headers=SUPPORTED)
    invite.progress(183, body=ANSWER)
    bench.settle()
    prack(bench, invite, 183, body=b"v=0 second offer")
    assert bench.phone.events[-1] == "offer_received PRACK"
    assert "200 PRACK" not in bench.peer.summaries
    exchanges[0].accept(b"v=0 second answer")
    bench.settle()
    response = bench.peer.response_heard(200, "PRACK")
    assert response.body == b"v=0 second answer"
    assert "contact" not in response.headers
    assert "session-expires" not in response.headers


def test_long_ringing_reliably() -> None:
    """§3: a new response every two and a half minutes is enough."""
    bench = Bench()
    invite = bench.invited(headers=REQUIRED)
    invite.progress(180)
    bench.settle()
    prack(bench, invite, 180)
    first = heard(bench, 180).rseq
    assert first is not None
    bench.clock.advance(149)
    assert bench.peer.summaries.count("180 INVITE") == 1
    bench.clock.advance(1.2)
    assert heard(bench, 180).rseq == first + 1


def test_response_queue_is_bounded() -> None:
    """A user that reports progress faster than the peer acknowledges loses what is provisional, not
    memory.
    """
    bench = Bench()
    invite = bench.invited(headers=REQUIRED)
    for _ in range(50):
        invite.progress(183)
    bench.settle()
    count = 0
    while bench.peer.summaries[-1] == "183 INVITE":
        count += 1
        prack(bench, invite, 183)
    assert count == 9


def test_answer_may_be_given_without_rings(request: pytest.FixtureRequest) -> None:
    """100rel required by the caller doesn't keep a callee from answering at once."""
    del request
    bench = Bench()
    bench.phone.on_invite = _answer
    bench.call_from_peer(headers=REQUIRED)
    assert bench.peer.summaries == ["200 INVITE"]


def _answer(phone: Phone, invite: IncomingInvite) -> None:
    del phone
    invite.accept(body=ANSWER)
