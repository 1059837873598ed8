"""RFC 3261 §12.2: requests within a dialog, sent and received."""

import pytest

from tests.simulation.bench import Bench
from tests.simulation.phone import ANSWER, OFFER
from trunkline.sip.message import Request

LOOSE = (("Record-Route", "<sip:10.0.0.9;lr;a=b>, <sip:p1.example.com;lr>"),)
STRICT = (("Record-Route", "<sip:10.0.0.9;a=b;method=INVITE>, <sip:p1.example.com;lr>"),)


def info(bench: Bench) -> Request:
    """An INFO of the phone's, as the peer hears it."""
    bench.phone.the_usage.info("text/plain", b"x", bench.phone.note_answer, bench.phone.note_refusal)
    bench.settle()
    return bench.peer.request_heard("INFO")


def test_fields_and_numbers() -> None:
    """§12.2.1.1: URIs and tags reflected, CSeq one higher each time whatever the method, Call-ID,
    Max-Forwards.
    """
    bench = Bench()
    bench.call_to_peer()
    invite = bench.peer.request_heard("INVITE")
    numbers = []
    for _ in range(3):
        request = info(bench)
        bench.peer.respond(request, 200)
        numbers.append(request.cseq)
        assert request.headers.get("from") == invite.headers.get("from")
        assert request.headers.get("to") == "<sip:callee@example.com>;tag=peer"
        assert request.call_id == invite.call_id
        assert request.max_forwards == 70
        assert request.contact is None
    assert numbers == [(2, "INFO"), (3, "INFO"), (4, "INFO")]


def test_first_number_of_a_callee() -> None:
    """§12.2.1.1: an empty local sequence number becomes one of our choice below 2**31."""
    bench = Bench()
    bench.call_from_peer()
    assert info(bench).cseq == (1, "INFO")


def test_no_route_set() -> None:
    bench = Bench()
    bench.call_to_peer(contact="<sip:bob@10.0.0.9;x=y>")
    request = info(bench)
    assert request.uri_text == "sip:bob@10.0.0.9;x=y"
    assert "route" not in request.headers


def test_loose_routing() -> None:
    """§12.2.1.1: the remote target in the Request-URI, the route set in order with all parameters."""
    bench = Bench()
    bench.call_from_peer(headers=LOOSE, contact="<sip:bob@192.0.2.7>")
    request = info(bench)
    assert request.uri_text == "sip:bob@192.0.2.7"
    assert [str(route) for route in request.route] == ["<sip:10.0.0.9;lr;a=b>", "<sip:p1.example.com;lr>"]


def test_strict_routing() -> None:
    """§12.2.1.1: the first route becomes the Request-URI, without what isn't allowed there; the target comes
    last.
    """
    bench = Bench()
    bench.call_from_peer(headers=STRICT, contact="<sip:bob@192.0.2.7>")
    request = info(bench)
    assert request.uri_text == "sip:10.0.0.9;a=b"
    assert [str(route) for route in request.route] == ["<sip:p1.example.com;lr>", "<sip:bob@192.0.2.7>"]


@pytest.mark.parametrize(
    ("method", "refreshes"), [("INVITE", True), ("UPDATE", True), ("INFO", False), ("OPTIONS", False)]
)
def test_target_refresh(method: str, *, refreshes: bool) -> None:
    """§12.2.2: re-INVITE and (RFC 3311) UPDATE replace the remote target, others don't."""
    bench = Bench()
    bench.call_from_peer()
    body = OFFER if refreshes else b""
    bench.within(method, body=body, contact="<sip:moved@10.0.0.9>")
    target = str(bench.phone.the_usage.dialog.remote_target)
    assert target == ("sip:moved@10.0.0.9" if refreshes else "sip:peer@10.0.0.9:5060")


def test_route_set_stays() -> None:
    """§12.2: Record-Route in a later request changes nothing."""
    bench = Bench()
    bench.call_from_peer(headers=LOOSE)
    bench.within("INVITE", body=OFFER, headers=(("Record-Route", "<sip:other.example.com;lr>"),))
    assert [str(route.uri) for route in bench.phone.the_usage.dialog.route_set] == [
        "sip:10.0.0.9;lr;a=b",
        "sip:p1.example.com;lr",
    ]


def test_2xx_refreshes_the_target() -> None:
    """§12.2.1.2."""
    bench = Bench()
    bench.call_to_peer()
    bench.phone.the_usage.reinvite(OFFER, bench.phone.note_answer, bench.phone.note_refusal)
    bench.settle()
    bench.peer.respond(bench.peer.request_heard("INVITE"), 200, contact="<sip:moved@10.0.0.9>", body=ANSWER)
    bench.settle()
    assert bench.peer.request_heard("ACK").uri_text == "sip:moved@10.0.0.9"


def test_ack_and_info_refresh_nothing() -> None:
    """§12.2: "an ACK is NOT a target refresh request"."""
    bench = Bench()
    bench.invited().accept(body=ANSWER)
    bench.settle()
    bench.tag = bench.peer.response_heard(200, "INVITE").to_tag or ""
    bench.within("ACK", cseq=1, contact="<sip:moved@10.0.0.9>")
    assert bench.phone.events[-1] == "acknowledged"
    assert str(bench.phone.the_usage.dialog.remote_target) == "sip:peer@10.0.0.9:5060"


def test_unknown_dialog() -> None:
    """§12.2.2: 481, and no state is kept for it."""
    bench = Bench()
    bench.call_from_peer()
    for method in ("INVITE", "BYE", "UPDATE", "PRACK", "INFO", "OPTIONS"):
        bench.within(method, from_tag="stranger")
        bench.heard(f"481 {method}")
    assert bench.phone.events == []


@pytest.mark.parametrize("method", ["BYE", "UPDATE", "PRACK", "INFO"])
def test_methods_that_need_a_dialog(method: str) -> None:
    """§15.1.2 and its kin: without a To tag they belong to nothing."""
    bench = Bench()
    bench.peer.request(method, bench.at)
    bench.settle()
    bench.heard(f"481 {method}")
    bench.finish()


def test_out_of_order() -> None:
    """§12.2.2: lower is refused with 500 and changes nothing; gaps are no error."""
    bench = Bench()
    bench.call_from_peer()
    bench.within("INFO", cseq=10)
    bench.heard("200 INFO")
    bench.within("BYE", cseq=9)
    bench.heard("500 BYE")
    bench.within("INFO", cseq=10)
    bench.heard("500 INFO")
    bench.within("BYE", cseq=12)
    bench.heard("200 BYE")
    assert bench.phone.events == ["info_received", "bye_received"]


@pytest.mark.parametrize("status", [408, 481])
def test_responses_that_end_the_dialog(status: int) -> None:
    """§12.2.1.2: 481 and 408 end it, by a BYE."""
    bench = Bench()
    bench.call_to_peer()
    bench.peer.respond(info(bench), status)
    bench.settle()
    assert bench.phone.events == [f"refusal {status}", f"failed {status} to INFO"]
    bench.peer.respond(bench.peer.request_heard("BYE"), 481)
    bench.settle()
    assert bench.phone.agent.dialogs == 0
    bench.finish()


def test_silence_ends_the_dialog() -> None:
    """§12.2.1.2: no response at all does, too."""
    bench = Bench()
    bench.call_to_peer()
    info(bench)
    bench.clock.advance(33)
    assert bench.phone.events == ["refusal no-response", "failed no response to INFO"]
    assert "BYE" in bench.peer.summaries
    bench.finish()


@pytest.mark.parametrize("status", [404, 500, 503, 603])
def test_responses_that_end_only_the_request(status: int) -> None:
    bench = Bench()
    bench.call_to_peer()
    bench.peer.respond(info(bench), status)
    bench.settle()
    assert bench.phone.events == [f"refusal {status}"]
    assert bench.phone.agent.dialogs == 1


def test_options_within_a_dialog_goes_up_like_one_outside() -> None:
    """§12.2.2: requests that don't change the dialog's state are processed as if received outside it."""
    bench = Bench()
    bench.call_from_peer()
    bench.within("OPTIONS")
    assert bench.phone.events == ["request_received OPTIONS"]
