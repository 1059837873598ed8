"""RFC 5621 §4, §8: a session description among other parts."""

from tests.simulation.bench import Bench
from tests.simulation.phone import ANSWER, OFFER
from tests.unit.sip.test_multipart import ISUP, REQUIRED, multipart, part

MIXED = ("Content-Type", "multipart/mixed;boundary=b1")


def test_an_invite_with_isup_beside_its_offer() -> None:
    bench = Bench()
    body = multipart(part(b"application/sdp", OFFER), part(*ISUP))
    bench.peer.request("INVITE", bench.at, body=body, headers=(MIXED,), require_body_type=False)
    bench.settle()
    assert bench.phone.invites[-1].request.body == OFFER


def test_an_answer_with_isup_beside_it() -> None:
    bench = Bench()
    _, request = bench.calling()
    body = multipart(part(*ISUP), part(b"application/sdp", ANSWER))
    bench.peer.respond(request, 200, body=body, headers=(MIXED,))
    bench.settle()
    assert bench.phone.events[-1] == "answered"
    assert bench.phone.responses[-1].body == ANSWER


def test_a_part_that_must_be_understood_and_is_not() -> None:
    """§8.1: 415, with what is accepted."""
    bench = Bench()
    body = multipart(part(b"application/sdp", OFFER), part(*ISUP, REQUIRED))
    bench.peer.request("INVITE", bench.at, body=body, headers=(MIXED,), require_body_type=False)
    bench.settle()
    assert bench.peer.response_heard(415, "INVITE").headers.get("accept") == "application/sdp"
    assert bench.phone.invites == []
