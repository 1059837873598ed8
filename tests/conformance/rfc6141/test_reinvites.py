"""RFC 6141: what a re-INVITE changes, and when."""

import pytest

from tests.simulation.bench import Bench
from tests.simulation.phone import ANSWER, OFFER


def target(bench: Bench) -> str:
    return str(bench.phone.the_usage.dialog.remote_target)


@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
def test_4_6_target_is_refreshed_by_the_2xx(method: str) -> None:
    """Not before, and not by an error."""
    bench = Bench()
    bench.call_from_peer()
    exchanges = bench.hold_offers()
    before = target(bench)
    bench.within(method, body=OFFER, contact="<sip:moved@10.0.0.9>")
    assert target(bench) == before
    exchanges[0].reject(488)
    assert target(bench) == before
    bench.within(method, body=OFFER, contact="<sip:moved@10.0.0.9>")
    exchanges[1].accept(ANSWER)
    assert target(bench) == "sip:moved@10.0.0.9"


def test_4_7_target_in_provisional_responses() -> None:
    """A reliable one refreshes it, an unreliable one MUST NOT; of an early dialog as well (§4.9)."""
    bench = Bench()
    _, request = bench.calling()
    bench.peer.respond(request, 180, contact="<sip:first@10.0.0.9>")
    bench.settle()
    bench.peer.respond(request, 180, contact="<sip:second@10.0.0.9>")
    bench.settle()
    assert target(bench) == "sip:first@10.0.0.9"
    bench.peer.respond(
        request, 183, contact="<sip:third@10.0.0.9>", headers=(("Require", "100rel"), ("RSeq", "1"))
    )
    bench.settle()
    assert target(bench) == "sip:third@10.0.0.9"
    assert bench.peer.request_heard("PRACK").uri_text == "sip:third@10.0.0.9"


def test_3_2_error_leaves_everything_as_it_was() -> None:
    """The next refresh offers what stood before."""
    bench = Bench()
    bench.call_to_peer()
    usage = bench.phone.the_usage
    usage.reinvite(b"v=0 hold", bench.phone.note_answer, bench.phone.note_refusal)
    bench.settle()
    bench.peer.respond(bench.peer.request_heard("INVITE"), 488)
    bench.settle()
    assert bench.phone.events == ["refusal 488"]
    assert usage.local_description == OFFER


def test_3_4_error_that_undoes_changes() -> None:
    """A UAC that sees one offers once more what stood before, so that both agree again."""
    bench = Bench()
    bench.call_to_peer()
    usage = bench.phone.the_usage
    usage.reinvite(b"v=0 new", bench.phone.note_answer, bench.phone.note_refusal)
    bench.settle()
    request = bench.peer.request_heard("INVITE")
    bench.peer.respond(request, 183, body=ANSWER, headers=(("Require", "100rel"), ("RSeq", "1")))
    bench.settle()
    bench.peer.respond(bench.peer.request_heard("PRACK"), 200)
    bench.settle()
    bench.peer.respond(request, 488)
    bench.settle()
    again = bench.peer.request_heard("INVITE")
    assert again.cseq.number > request.cseq.number
    assert again.body == OFFER
    bench.peer.respond(again, 200, body=ANSWER)
    bench.settle()
    assert bench.phone.events == ["refusal 488"]


def test_3_3_the_answer_of_a_reliable_response_is_that_of_the_2xx() -> None:
    """Which need not say it again (RFC 6337 §3.1.1)."""
    bench = Bench()
    bench.call_to_peer()
    answers: list[bytes] = []
    bench.phone.the_usage.reinvite(
        b"v=0 new", lambda response: answers.append(response.body), bench.phone.note_refusal
    )
    bench.settle()
    request = bench.peer.request_heard("INVITE")
    bench.peer.respond(request, 183, body=ANSWER, headers=(("Require", "100rel"), ("RSeq", "1")))
    bench.settle()
    bench.peer.respond(bench.peer.request_heard("PRACK"), 200)
    bench.settle()
    assert answers == [], "the re-INVITE may still be refused"
    bench.peer.respond(request, 200)
    bench.settle()
    assert answers == [ANSWER]


def test_3_8_cancelled_reinvite() -> None:
    """487 when nobody objects."""
    bench = Bench()
    bench.call_from_peer()
    exchanges = bench.hold_offers()
    bench.within("INVITE", body=OFFER)
    bench.peer.request(
        "CANCEL", bench.at, cseq=bench.cseq, to_tag=bench.tag, branch=f"z9hG4bKpeer{bench.peer._branches}"
    )
    bench.settle()
    assert bench.peer.summaries[-2:] == ["200 CANCEL", "487 INVITE"]
    exchanges[0].accept(ANSWER)
    bench.settle()
    assert bench.peer.summaries[-1] == "487 INVITE"


def test_3_8_cancelled_reinvite_whose_changes_are_executed() -> None:
    """2xx instead: the user that has begun says so."""
    bench = Bench()
    bench.call_from_peer()
    exchanges = bench.hold_offers()
    bench.within("INVITE", body=OFFER)
    noticed: list[bool] = []
    exchanges[0].on_cancel = lambda: noticed.append(exchanges[0].cancelled)
    bench.peer.request(
        "CANCEL", bench.at, cseq=bench.cseq, to_tag=bench.tag, branch=f"z9hG4bKpeer{bench.peer._branches}"
    )
    bench.settle()
    assert noticed == [True]
    exchanges[0].accept(ANSWER)
    bench.settle()
    assert bench.peer.summaries[-2:] == ["200 CANCEL", "200 INVITE"]


def test_5_4_no_ack_but_a_newer_reinvite() -> None:
    """A UAC that lost its address comes back with another re-INVITE: the dialog lives on."""
    bench = Bench()
    bench.call_from_peer()
    bench.within("INVITE", body=OFFER)
    bench.within("INVITE", body=OFFER)
    bench.within("ACK", cseq=bench.cseq)
    bench.clock.advance(40)
    assert "no_ack" not in bench.phone.events
    assert bench.phone.agent.dialogs == 1


def test_5_4_no_ack_at_all() -> None:
    """RFC 3261 §14.2: without one, the dialog ends."""
    bench = Bench()
    bench.call_from_peer()
    bench.within("INVITE", body=OFFER)
    bench.clock.advance(33)
    assert bench.phone.events[-1] == "no_ack"
    assert "BYE" in bench.peer.summaries


def test_reinvite_without_an_offer() -> None:
    """RFC 3261 §14.2: asks for an offer; it is in our 2xx, the answer in the ACK."""
    bench = Bench()
    bench.call_from_peer()
    exchanges = bench.hold_offers()
    bench.within("INVITE")
    assert exchanges[0].request.body == b""
    exchanges[0].accept(OFFER)
    bench.settle()
    assert bench.heard("200 INVITE").body == OFFER
    bench.within("UPDATE", body=OFFER)
    bench.heard("491 UPDATE")
    bench.within("ACK", cseq=2, body=ANSWER)
    assert bench.phone.requests[-1].body == ANSWER
    bench.within("UPDATE", body=OFFER)
    assert len(exchanges) == 2
