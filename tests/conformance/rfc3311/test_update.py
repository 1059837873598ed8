"""RFC 3311 §5: UPDATE, sent and received, before and after the answer."""

import pytest

from tests.simulation.bench import Bench
from tests.simulation.phone import ANSWER, OFFER
from trunkline.sip.incoming_invite import IncomingInvite
from trunkline.sip.message import Response

RELIABLE = (("Require", "100rel"), ("RSeq", "1"))


def early(bench: Bench, *, reliably: bool) -> IncomingInvite:
    """An early dialog from the peer, with an answer in the 183 (acknowledged) or without."""
    invite = bench.invited(headers=(("Supported", "100rel"),))
    bench.tag = invite.usage.dialog.local_tag
    invite.progress(183, body=ANSWER if reliably else b"")
    bench.settle()
    if reliably:
        rseq = bench.peer.response_heard(183, "INVITE").rseq
        bench.within("PRACK", headers=(("RAck", f"{rseq} 1 INVITE"),))
    return invite


def update(bench: Bench, body: bytes = OFFER) -> None:
    bench.phone.the_usage.update(body, bench.phone.note_answer, bench.phone.note_refusal)
    bench.settle()


def attempts(bench: Bench) -> list[float]:
    """When each UPDATE of the phone's was sent for the first time, seconds; checks that they are numbered in
    a row.
    """
    sent: dict[int, float] = {}
    for packet in bench.network.sent("UPDATE"):
        sent.setdefault(packet.message.cseq.number, packet.at)
    assert list(sent) == list(range(min(sent), min(sent) + len(sent)))
    return list(sent.values())


# received, §5.2


def test_offer_in_a_confirmed_dialog() -> None:
    bench = Bench()
    bench.call_from_peer()
    bench.within("UPDATE", body=OFFER, contact="<sip:moved@10.0.0.9>")
    response = bench.heard("200 UPDATE")
    assert response.body == ANSWER
    assert response.contact is not None
    assert str(bench.phone.the_usage.dialog.remote_target) == "sip:moved@10.0.0.9"


def test_no_offer() -> None:
    """Answered here, without anybody's help."""
    bench = Bench()
    bench.call_from_peer()
    bench.within("UPDATE")
    assert bench.heard("200 UPDATE").body == b""
    assert bench.phone.events == []


def test_offer_in_an_early_dialog() -> None:
    """Allowed once the answer has gone out reliably."""
    bench = Bench()
    early(bench, reliably=True)
    bench.within("UPDATE", body=OFFER)
    bench.heard("200 UPDATE")


def test_offer_while_the_invites_is_unanswered() -> None:
    """500 with a Retry-After between 0 and 10 s."""
    bench = Bench()
    early(bench, reliably=False)
    bench.within("UPDATE", body=OFFER)
    response = bench.heard("500 UPDATE")
    assert 0 <= int(response.headers.get("retry-after") or "99") <= 10


def test_offer_while_ours_is_unanswered() -> None:
    """491."""
    bench = Bench()
    _, request = bench.calling()
    bench.peer.respond(request, 180)
    bench.settle()
    bench.tag = request.from_tag or ""
    bench.within_to_caller("UPDATE", cseq=1, body=OFFER)
    bench.heard("491 UPDATE")


def test_offer_after_a_reliable_response_without_an_answer() -> None:
    """Our offer in the INVITE is still open."""
    bench = Bench()
    _, request = bench.calling()
    bench.peer.respond(request, 180, headers=RELIABLE)
    bench.settle()
    bench.tag = request.from_tag or ""
    bench.within_to_caller("UPDATE", cseq=1, body=OFFER)
    bench.heard("491 UPDATE")


def test_refused_in_an_early_dialog() -> None:
    """A 481 to it ends no call that isn't one yet: the INVITE's outcome decides."""
    bench = Bench()
    early(bench, reliably=True)
    update(bench)
    bench.peer.respond(bench.peer.request_heard("UPDATE"), 481)
    bench.settle()
    assert bench.phone.events[-1] == "refusal 481"
    bench.phone.invites[-1].accept(body=ANSWER)
    bench.settle()
    bench.heard("200 INVITE")
    assert "BYE" not in bench.peer.summaries


def test_second_update_before_the_first_is_answered() -> None:
    """500 with Retry-After, also when it has no offer."""
    bench = Bench()
    bench.call_from_peer()
    exchanges = bench.hold_offers()
    bench.within("UPDATE", body=OFFER)
    bench.within("UPDATE", body=OFFER)
    bench.within("UPDATE")
    assert bench.peer.summaries.count("500 UPDATE") == 2
    exchanges[0].accept(ANSWER)
    bench.settle()
    bench.heard("200 UPDATE")
    bench.within("UPDATE", body=OFFER)
    assert len(exchanges) == 2


def test_refused_offer() -> None:
    """488 with a Warning; the session and the target stay."""
    bench = Bench()
    bench.call_from_peer()
    exchanges = bench.hold_offers()
    bench.within("UPDATE", body=OFFER, contact="<sip:moved@10.0.0.9>")
    exchanges[0].reject(488, headers=[("Warning", '305 x "no"')])
    exchanges[0].accept(ANSWER)
    bench.settle()
    assert bench.heard("488 UPDATE").headers.get("warning") == '305 x "no"'
    assert "200 UPDATE" not in bench.peer.summaries
    assert "moved" not in str(bench.phone.the_usage.dialog.remote_target)


def test_update_within_a_long_reinvite() -> None:
    """Its own offer meets the re-INVITE's, which is unanswered: 500. Without an offer it is welcome."""
    bench = Bench()
    bench.call_from_peer()
    bench.hold_offers()
    bench.within("INVITE", body=OFFER)
    bench.within("UPDATE", body=OFFER)
    bench.heard("500 UPDATE")
    bench.within("UPDATE")
    bench.heard("200 UPDATE")


def test_offer_after_a_reinvite_whose_ack_has_not_come() -> None:
    """§5.2: nothing is unanswered where our 200 had the answer (RFC 3264 §4)."""
    bench = Bench()
    bench.call_from_peer()
    bench.within("INVITE", body=OFFER)
    bench.heard("200 INVITE")
    bench.within("UPDATE", body=OFFER)
    assert bench.heard("200 UPDATE").body == ANSWER


# sent, §5.1 and §5.3


def test_sent_in_a_confirmed_dialog() -> None:
    bench = Bench()
    bench.call_to_peer()
    update(bench)
    request = bench.peer.request_heard("UPDATE")
    assert request.body == OFFER
    assert request.content_type == "application/sdp"
    assert request.contact is not None
    bench.peer.respond(request, 200, body=ANSWER, contact="<sip:moved@10.0.0.9>")
    bench.settle()
    assert bench.phone.events == ["answer 200 UPDATE"]
    assert str(bench.phone.the_usage.dialog.remote_target) == "sip:moved@10.0.0.9"


def test_sent_by_the_caller_before_the_answer() -> None:
    """Waits until the INVITE's offer is answered reliably."""
    bench = Bench()
    _, request = bench.calling()
    bench.peer.respond(request, 180)
    bench.settle()
    update(bench)
    assert "UPDATE" not in bench.peer.summaries
    bench.peer.respond(request, 183, body=ANSWER, headers=RELIABLE)
    bench.settle()
    bench.peer.respond(bench.peer.request_heard("PRACK"), 200)
    bench.settle()
    bench.peer.request_heard("UPDATE")


def test_sent_by_the_callee_before_the_answer() -> None:
    """Waits for the PRACK of its answer."""
    bench = Bench()
    invite = bench.invited(headers=(("Supported", "100rel"),))
    bench.tag = invite.usage.dialog.local_tag
    invite.progress(183, body=ANSWER)
    update(bench)
    assert "UPDATE" not in bench.peer.summaries
    rseq = bench.peer.response_heard(183, "INVITE").rseq
    bench.within("PRACK", headers=(("RAck", f"{rseq} 1 INVITE"),))
    bench.peer.request_heard("UPDATE")


def test_without_an_offer_at_any_time() -> None:
    bench = Bench()
    _, request = bench.calling()
    bench.peer.respond(request, 180)
    bench.settle()
    update(bench, b"")
    bench.peer.request_heard("UPDATE")


def test_one_at_a_time() -> None:
    """The second goes out when the first has its answer."""
    bench = Bench()
    bench.call_to_peer()
    update(bench, b"v=0 first")
    update(bench, b"v=0 second")
    assert bench.peer.request_heard("UPDATE").body == b"v=0 first"
    bench.peer.respond(bench.peer.request_heard("UPDATE"), 488)
    bench.settle()
    assert bench.peer.request_heard("UPDATE").body == b"v=0 second"
    assert bench.phone.events == ["refusal 488"]


def test_too_many_that_wait() -> None:
    """The queue has an end: refused with a 491 of our own."""
    bench = Bench()
    bench.call_to_peer()
    for _ in range(6):
        update(bench)
    assert bench.phone.events == ["refusal 491"]


@pytest.mark.parametrize(("owner", "earliest", "latest"), [(True, 2.1, 4.0), (False, 0.0, 2.0)])
def test_retried_after_491(*, owner: bool, earliest: float, latest: float) -> None:
    """§5.3: after a random time that depends on who owns the Call-ID."""
    bench = Bench()
    if owner:
        bench.call_to_peer()
    else:
        bench.call_from_peer()
    update(bench)
    sent = bench.clock.now()
    bench.peer.respond(bench.peer.request_heard("UPDATE"), 491)
    bench.clock.advance(5)
    _, second = attempts(bench)
    assert earliest <= second - sent <= latest + 0.1
    bench.peer.respond(bench.peer.request_heard("UPDATE"), 200, body=ANSWER)
    bench.settle()
    assert bench.phone.events == ["answer 200 UPDATE"]


def test_offers_of_the_peer_are_welcome_while_ours_waits() -> None:
    """After a 491 our own offer is off the table until the retry."""
    bench = Bench()
    bench.call_to_peer()
    update(bench)
    bench.peer.respond(bench.peer.request_heard("UPDATE"), 491)
    bench.settle()
    bench.within_to_caller("UPDATE", cseq=1, body=OFFER)
    bench.heard("200 UPDATE")


def test_body_made_for_each_attempt() -> None:
    """A function as body gives the retry what is right by then."""
    bench = Bench()
    bench.call_from_peer()
    bodies = [b"v=0 later", b"v=0 sooner"]
    bench.phone.the_usage.update(bodies.pop, bench.phone.note_answer, bench.phone.note_refusal)
    bench.settle()
    assert bench.peer.request_heard("UPDATE").body == b"v=0 sooner"
    bench.peer.respond(bench.peer.request_heard("UPDATE"), 491)
    bench.clock.advance(2.1)
    assert bench.peer.request_heard("UPDATE").body == b"v=0 later"


def test_retried_after_500() -> None:
    """§5.2's Retry-After is heeded when it is short; another 500 is final."""
    bench = Bench()
    bench.call_from_peer()
    update(bench)
    bench.peer.respond(bench.peer.request_heard("UPDATE"), 500, headers=(("Retry-After", "3"),))
    bench.clock.advance(3.5)
    assert len(attempts(bench)) == 2
    bench.peer.respond(bench.peer.request_heard("UPDATE"), 500, headers=(("Retry-After", "60"),))
    bench.clock.advance(100)
    assert len(attempts(bench)) == 2
    assert bench.phone.events[0] == "refusal 500"


def test_no_retry_for_ever() -> None:
    bench = Bench()
    bench.call_from_peer()
    update(bench)
    for _ in range(10):
        bench.peer.respond(bench.peer.request_heard("UPDATE"), 491)
        bench.clock.advance(2.1)
    assert bench.phone.events == ["refusal 491"]
    assert len(attempts(bench)) == 6


def test_hung_up_before_the_retry() -> None:
    """§5.3: "if the call was already hung up with a BYE, the UPDATE would not take place"."""
    bench = Bench()
    bench.call_from_peer()
    update(bench)
    bench.peer.respond(bench.peer.request_heard("UPDATE"), 491)
    bench.settle()
    count = len(bench.network.sent("UPDATE"))
    bench.phone.the_usage.bye()
    bench.settle()
    bench.peer.respond(bench.peer.request_heard("BYE"), 200)
    bench.clock.advance(10)
    assert len(bench.network.sent("UPDATE")) == count
    bench.finish()


def test_peer_that_knows_no_update() -> None:
    """§4: told by Allow, in whatever message it was last."""
    bench = Bench()
    bench.call_to_peer(headers=(("Allow", "INVITE, ACK, BYE, CANCEL"),))
    assert not bench.phone.the_usage.peer_allows("UPDATE")
    bench.within_to_caller("UPDATE", cseq=1, headers=(("Allow", "INVITE, ACK, BYE, UPDATE"),))
    assert bench.phone.the_usage.peer_allows("UPDATE")
    assert isinstance(bench.heard("200 UPDATE"), Response)
