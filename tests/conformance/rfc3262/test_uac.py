"""RFC 3262 §4: reliable provisional responses that we receive."""

from tests.simulation.bench import Bench
from tests.simulation.phone import ANSWER
from trunkline.sip.message import Request


def reliable(rseq: int | str) -> tuple[tuple[str, str], ...]:
    return (("Require", "100rel"), ("RSeq", str(rseq)))


def pracks(bench: Bench) -> list[Request]:
    return [one for one in bench.peer.heard if isinstance(one, Request) and one.method == "PRACK"]


def test_prack() -> None:
    """§4, §7.2: within the dialog, RAck made of RSeq and CSeq."""
    bench = Bench()
    _, request = bench.calling()
    bench.peer.respond(request, 183, headers=reliable(988789), body=ANSWER)
    bench.settle()
    (prack,) = pracks(bench)
    assert prack.headers.get("rack") == "988789 1 INVITE"
    assert prack.cseq == (2, "PRACK")
    assert prack.to_tag == "peer"
    assert bench.phone.events == ["progressed 183"]


def test_prack_takes_the_route_of_the_early_dialog() -> None:
    """§4: it is a request within the dialog that the response makes (RFC 3261 §12.1.2)."""
    bench = Bench()
    _, request = bench.calling()
    route = ("Record-Route", "<sip:10.0.0.9;lr>")
    bench.peer.respond(request, 183, headers=(*reliable(1), route), contact="<sip:bob@192.0.2.7>")
    bench.settle()
    (prack,) = pracks(bench)
    assert prack.uri_text == "sip:bob@192.0.2.7"
    assert [str(one) for one in prack.route] == ["<sip:10.0.0.9;lr>"]


def test_repetitions_are_discarded() -> None:
    """§4: neither acknowledged again nor told again."""
    bench = Bench()
    _, request = bench.calling()
    for _ in range(3):
        bench.peer.respond(request, 183, headers=reliable(7))
    bench.settle()
    assert len(pracks(bench)) == 1
    assert bench.phone.events == ["progressed 183"]


def test_order() -> None:
    """§4: one that is not the next is neither acknowledged nor processed."""
    bench = Bench()
    _, request = bench.calling()
    for rseq, status in ((7, 180), (9, 182), (8, 181), (9, 183)):
        bench.peer.respond(request, status, headers=reliable(rseq))
        bench.settle()
    assert bench.phone.events == ["progressed 180", "progressed 181", "progressed 183"]
    assert [prack.headers.get("rack") for prack in pracks(bench)] == [
        "7 1 INVITE",
        "8 1 INVITE",
        "9 1 INVITE",
    ]


def test_update_starts_no_new_sequence() -> None:
    """The numbers belong to the INVITE (§3), whatever else is sent meanwhile."""
    bench = Bench()
    _, request = bench.calling()
    bench.peer.respond(request, 183, headers=reliable(7))
    bench.settle()
    bench.phone.the_usage.update(b"", bench.phone.note_answer, bench.phone.note_refusal)
    bench.settle()
    bench.peer.respond(request, 183, headers=reliable(7))
    bench.settle()
    assert len({prack.cseq for prack in pracks(bench)}) == 1
    assert bench.phone.events == ["progressed 183"]


def test_forks_are_numbered_apart() -> None:
    """§4: the sequence is that of one dialog."""
    bench = Bench()
    _, request = bench.calling()
    bench.peer.respond(request, 180, to_tag="one", headers=reliable(7))
    bench.peer.respond(request, 180, to_tag="two", headers=reliable(500))
    bench.settle()
    assert [(prack.to_tag, prack.headers.get("rack")) for prack in pracks(bench)] == [
        ("one", "7 1 INVITE"),
        ("two", "500 1 INVITE"),
    ]


def test_unreliable_ones_between() -> None:
    """They are told, and change no number."""
    bench = Bench()
    _, request = bench.calling()
    bench.peer.respond(request, 180)
    bench.peer.respond(request, 183, headers=reliable(1))
    bench.peer.respond(request, 180)
    bench.peer.respond(request, 183, headers=reliable(2))
    bench.settle()
    assert bench.phone.events == ["progressed 180", "progressed 183"] * 2
    assert len(pracks(bench)) == 2


def test_100_with_100rel() -> None:
    """§4: MUST be ignored in a 100."""
    bench = Bench()
    _, request = bench.calling()
    bench.peer.respond(request, 100, headers=reliable(1))
    bench.settle()
    assert pracks(bench) == []


def test_malformed_rseq() -> None:
    bench = Bench()
    _, request = bench.calling()
    bench.peer.respond(request, 183, headers=reliable("x"))
    bench.settle()
    assert pracks(bench) == []
    bench.peer.respond(request, 200, body=ANSWER)
    bench.settle()
    assert bench.phone.events == ["answered"]


def test_failed_prack_costs_no_call() -> None:
    """A 481 to it says only that the response was acknowledged before."""
    bench = Bench()
    _, request = bench.calling()
    bench.peer.respond(request, 183, headers=reliable(1))
    bench.settle()
    bench.peer.respond(pracks(bench)[0], 481)
    bench.settle()
    bench.peer.respond(request, 200, body=ANSWER)
    bench.settle()
    assert bench.phone.events == ["progressed 183", "answered"]


def test_reliable_response_after_the_answer() -> None:
    """§4: one that the 2xx overtook may be discarded."""
    bench = Bench()
    bench.call_to_peer()
    bench.peer.respond(bench.peer.request_heard("INVITE"), 183, headers=reliable(1))
    bench.settle()
    assert pracks(bench) == []
    assert bench.phone.events == []


def test_reliable_response_to_a_reinvite() -> None:
    """Its own number space (§3), its own PRACK; the target is refreshed (RFC 6141 §4.7)."""
    bench = Bench()
    _, request = bench.calling()
    bench.peer.respond(request, 183, headers=reliable(100))
    bench.settle()
    bench.peer.respond(pracks(bench)[0], 200)
    bench.peer.respond(request, 200, body=ANSWER)
    bench.settle()
    bench.phone.the_usage.reinvite(b"v=0", bench.phone.note_answer, bench.phone.note_refusal)
    bench.settle()
    request = bench.peer.request_heard("INVITE")
    bench.peer.respond(request, 183, headers=reliable(3), contact="<sip:moved@10.0.0.9>")
    bench.settle()
    prack = pracks(bench)[-1]
    assert prack.headers.get("rack") == f"3 {request.cseq.number} INVITE"
    assert str(bench.phone.the_usage.dialog.remote_target) == "sip:moved@10.0.0.9"
