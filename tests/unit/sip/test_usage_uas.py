"""The server half of the INVITE usage: its table, every cell. More of it is in tests/conformance/rfc5407 and
rfc3311.
"""

import pytest

from tests.simulation.bench import Bench
from tests.simulation.phone import ANSWER, OFFER, Phone
from trunkline.sip.usage import IncomingOffer
from trunkline.sip.usage_events import Offer

UP, AGAIN_LATER, GLARE, FINE = None, 500, 491, 200


def nothing_open(bench: Bench) -> None:
    bench.call_from_peer()


def ours_in_a_reinvite(bench: Bench) -> None:
    bench.call_from_peer()
    bench.phone.the_usage.reinvite(OFFER, bench.phone.note_answer, bench.phone.note_refusal)
    bench.settle()


def ours_in_an_update(bench: Bench) -> None:
    bench.call_from_peer()
    bench.phone.the_usage.update(OFFER, bench.phone.note_answer, bench.phone.note_refusal)
    bench.settle()


def ours_in_a_2xx(bench: Bench) -> None:
    """The ACK is not here yet."""
    invite = bench.invited(body=b"")
    invite.accept(body=OFFER)
    bench.settle()
    bench.tag = invite.usage.dialog.local_tag


def update_of_ours_without_an_offer(bench: Bench) -> None:
    bench.call_from_peer()
    bench.phone.the_usage.update(b"", bench.phone.note_answer, bench.phone.note_refusal)
    bench.settle()


def theirs_in_a_reinvite(bench: Bench) -> None:
    bench.call_from_peer()
    bench.within("INVITE", body=OFFER)


def theirs_in_an_update(bench: Bench) -> None:
    bench.call_from_peer()
    bench.within("UPDATE", body=OFFER)


def their_reinvite_without_an_offer(bench: Bench) -> None:
    bench.call_from_peer()
    bench.within("INVITE")


def early(bench: Bench) -> None:
    """The INVITE has an offer, and no answer."""
    invite = bench.invited()
    invite.progress(180)
    bench.settle()
    bench.tag = invite.usage.dialog.local_tag


def ended(bench: Bench) -> None:
    bench.call_from_peer()
    bench.phone.the_usage.bye()
    bench.settle()


TABLE = [
    # what is going on, re-INVITE, UPDATE without offer, UPDATE with offer
    (nothing_open, UP, FINE, UP),
    (ours_in_a_reinvite, GLARE, FINE, GLARE),
    (ours_in_an_update, GLARE, FINE, GLARE),
    (ours_in_a_2xx, GLARE, FINE, GLARE),
    (update_of_ours_without_an_offer, UP, FINE, UP),
    (theirs_in_a_reinvite, AGAIN_LATER, FINE, AGAIN_LATER),
    (theirs_in_an_update, AGAIN_LATER, AGAIN_LATER, AGAIN_LATER),
    (their_reinvite_without_an_offer, AGAIN_LATER, FINE, AGAIN_LATER),
    (early, AGAIN_LATER, FINE, AGAIN_LATER),
    (ended, 481, 481, 481),
]


@pytest.mark.parametrize(
    ("situation", "method", "body", "expected"),
    [
        (situation, method, body, expected)
        for situation, *cells in TABLE
        for (method, body), expected in zip(
            (("INVITE", OFFER), ("UPDATE", b""), ("UPDATE", OFFER)), cells, strict=True
        )
    ],
)
def test_table(situation: object, method: str, body: bytes, expected: int | None) -> None:
    bench = Bench()
    exchanges = bench.hold_offers()
    assert callable(situation)
    situation(bench)
    exchanges.clear()
    bench.peer.heard.clear()
    bench.within(method, body=body)
    answers = [one for one in bench.peer.summaries if one.endswith(f" {method}")]
    if expected is None:
        assert answers == []
        assert [exchange.request.body for exchange in exchanges] == [body]
        exchanges[0].accept(ANSWER)
        bench.settle()
        assert bench.heard(f"200 {method}").body == ANSWER
    else:
        assert answers == [f"{expected} {method}"]
        assert exchanges == []
        assert ("retry-after" in bench.heard(answers[0]).headers) is (expected == AGAIN_LATER)


def test_equal_cseq() -> None:
    """A new transaction with a number that was used is refused."""
    bench = Bench()
    bench.call_from_peer()
    bench.within("INFO", cseq=5)
    bench.within("INFO", cseq=5)
    assert bench.peer.summaries[-2:] == ["200 INFO", "500 INFO"]


def test_nobody_listens() -> None:
    """A usage that nobody has taken over refuses what must be answered."""
    bench = Bench()
    bench.call_from_peer()
    usage = bench.phone.the_usage
    usage.events = type(usage)(bench.phone.agent, usage.dialog, usage.contact, bench.phone.invites[-1]).events
    for method, status in (("INVITE", 488), ("INFO", 481), ("REFER", 603)):
        bench.within(method)
        bench.heard(f"{status} {method}")


def test_ack_closes_no_other_offer() -> None:
    """Our UPDATE is on its way when the ACK of a 2xx without an offer of ours comes: the UPDATE's is still
    open.
    """
    bench = Bench()
    invite = bench.invited()
    invite.accept(body=ANSWER)
    bench.settle()
    bench.tag = invite.usage.dialog.local_tag
    invite.usage.update(OFFER, bench.phone.note_answer, bench.phone.note_refusal)
    bench.within("ACK", cseq=1)
    bench.within("UPDATE", body=OFFER)
    bench.heard("491 UPDATE")


def test_what_waits_goes_when_the_peers_exchange_is_over() -> None:
    """Accepted or refused, it makes way for ours."""
    for status in (200, 488):
        bench = Bench()
        bench.call_from_peer()
        exchanges = bench.hold_offers()
        bench.within("UPDATE", body=OFFER)
        bench.phone.the_usage.update(OFFER, bench.phone.note_answer, bench.phone.note_refusal)
        bench.settle()
        assert "UPDATE" not in bench.peer.summaries
        if status == 200:
            exchanges[0].accept(ANSWER)
        else:
            exchanges[0].reject(status)
        bench.settle()
        assert bench.peer.summaries[-2:] == [f"{status} UPDATE", "UPDATE"]


def test_no_offer_of_ours_while_they_wait_for_one() -> None:
    """A re-INVITE without an offer asks for ours in its 2xx: no UPDATE with another one meanwhile."""
    bench = Bench()
    bench.call_from_peer()
    exchanges = bench.hold_offers()
    bench.within("INVITE")
    bench.phone.the_usage.update(OFFER, bench.phone.note_answer, bench.phone.note_refusal)
    bench.settle()
    assert "UPDATE" not in bench.peer.summaries
    exchanges[0].reject(488)
    bench.settle()
    assert bench.peer.summaries[-1] == "UPDATE"


def test_cancel_finds_its_reinvite() -> None:
    """Also when an UPDATE waits for an answer too."""
    bench = Bench()
    bench.call_from_peer()
    exchanges = bench.hold_offers()
    bench.within("UPDATE", body=OFFER)
    bench.phone.the_usage.offer = Offer.NONE
    bench.within("INVITE")
    bench.peer.request(
        "CANCEL", bench.at, cseq=bench.cseq, to_tag=bench.tag, branch=f"z9hG4bKpeer{bench.peer._branches}"
    )
    bench.settle()
    assert [exchange.method for exchange in exchanges] == ["UPDATE", "INVITE"]
    assert [exchange.cancelled for exchange in exchanges] == [False, True]


@pytest.mark.parametrize(("method", "status"), [("UPDATE", 504), ("INVITE", 408)])
def test_no_408_to_other_requests_than_invite(method: str, status: int) -> None:
    """RFC 4320 §4.2."""
    bench = Bench()
    bench.call_from_peer()
    exchanges = bench.hold_offers()
    bench.within(method, body=OFFER)
    exchanges[0].reject(408)
    bench.settle()
    bench.heard(f"{status} {method}")


@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
def test_an_offer_that_a_fault_costs_costs_no_later_one(method: str) -> None:
    bench = Bench()
    bench.call_from_peer()

    def fault(phone: Phone, exchange: IncomingOffer) -> None:
        raise LookupError("a fault")

    bench.phone.on_offer = fault
    with pytest.raises(LookupError, match="a fault"):
        bench.within(method, body=OFFER)
    bench.settle()
    assert bench.peer.summaries[-1] == f"500 {method}"
    if method == "INVITE":
        bench.within("ACK", cseq=bench.cseq)
    bench.phone.on_offer = lambda phone, exchange: exchange.accept(ANSWER)
    bench.within(method, body=OFFER)
    assert bench.peer.summaries[-1] == f"200 {method}"


def test_repeated_ack_is_told_once() -> None:
    bench = Bench()
    bench.call_from_peer()
    bench.within("INVITE", body=OFFER)
    for _ in range(3):
        bench.within("ACK", cseq=2)
    assert bench.phone.events.count("acknowledged") == 1
