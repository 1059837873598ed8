"""One request of the peer that its user answers: once."""

import pytest

from tests.simulation.bench import Bench
from tests.simulation.phone import ANSWER, OFFER
from trunkline.sip.usage import IncomingOffer


@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
def test_first_word_counts(method: str) -> None:
    bench = Bench()
    bench.call_from_peer()
    exchanges = bench.hold_offers()
    bench.within(method, body=OFFER)
    exchange = exchanges[0]
    assert (exchange.method, exchange.request.body, exchange.settled) == (method, OFFER, False)
    exchange.reject(488, [("X-A", "1")], "No Way")
    exchange.accept(ANSWER)
    exchange.reject(500)
    bench.settle()
    answer = bench.heard(f"488 {method}")
    assert answer.headers.get("x-a") == "1"
    assert [one for one in bench.peer.summaries if one.endswith(method)][-1] == f"488 {method}"
    assert f"500 {method}" not in bench.peer.summaries
    assert exchange.settled


def test_accepted_with_fields() -> None:
    bench = Bench()
    bench.call_from_peer()
    exchanges = bench.hold_offers()
    bench.within("INVITE", body=OFFER)
    exchanges[0].accept(b"v=0 another answer", [("X-A", "1")])
    bench.settle()
    exchanges[0].accept(ANSWER)
    exchanges[0].reject(500)
    bench.settle()
    assert bench.peer.summaries.count("200 INVITE") == 2
    response = bench.heard("200 INVITE")
    assert (response.body, response.headers.get("x-a")) == (b"v=0 another answer", "1")
    bench.within("UPDATE")
    assert bench.phone.the_usage.local_description == b"v=0 another answer"


def test_answered_within_the_callback_and_after_the_end() -> None:
    """After a BYE the exchange is settled by the 487 of RFC 3261 §15.1.2."""
    bench = Bench()
    bench.call_from_peer()
    exchanges: list[IncomingOffer] = bench.hold_offers()
    bench.within("UPDATE", body=OFFER)
    bench.phone.the_usage.bye()
    bench.settle()
    assert exchanges[0].settled
    exchanges[0].accept(ANSWER)
    bench.settle()
    assert [one for one in bench.peer.summaries if one.endswith("UPDATE")] == ["487 UPDATE"]
