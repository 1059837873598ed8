"""RFC 3261 §12.1: what dialogs are made of."""

import pytest

from tests.simulation.bench import Bench
from tests.simulation.phone import ANSWER, OFFER
from trunkline.sip.message import Request, Response
from trunkline.sip.ports import Transport
from trunkline.sip.uri import SipUri

ROUTES = (("Record-Route", "<sip:p2.example.com;lr;x=1>, <sip:p1.example.com;lr>"),)


def test_uas_mirrors_record_route_and_adds_contact() -> None:
    """§12.1.1: all values, in order, parameters known or not; in every response that forms a dialog."""
    bench = Bench()
    invite = bench.invited(headers=ROUTES)
    invite.progress(180)
    invite.accept(body=ANSWER)
    bench.settle()
    for status in (180, 200):
        response = bench.peer.response_heard(status, "INVITE")
        assert [str(route) for route in response.record_route] == [
            "<sip:p2.example.com;lr;x=1>",
            "<sip:p1.example.com;lr>",
        ]
        assert str(response.contact) == "<sip:callee@10.0.0.2:5060>"


def test_uas_dialog_state() -> None:
    """§12.1.1: route set in order, remote target from Contact, sequence numbers, tags, URIs, Call-ID."""
    bench = Bench()
    invite = bench.invited(headers=ROUTES, contact="<sip:peer@192.0.2.1:5070>")
    dialog = invite.usage.dialog
    assert [str(route.uri) for route in dialog.route_set] == [
        "sip:p2.example.com;lr;x=1",
        "sip:p1.example.com;lr",
    ]
    assert str(dialog.remote_target) == "sip:peer@192.0.2.1:5070"
    assert (dialog.remote_seq, dialog.local_seq) == (1, 0)
    assert (dialog.call_id, dialog.remote_tag) == ("call-1", "peer")
    assert dialog.remote_name == "<sip:peer@example.com>;tag=peer"
    assert dialog.local_name == f"<sip:callee@example.com>;tag={dialog.local_tag}"
    assert not dialog.secure


def test_uac_dialog_state() -> None:
    """§12.1.2: route set reversed, remote target from Contact, local sequence number that of the INVITE."""
    bench = Bench()
    _, request = bench.calling()
    bench.peer.respond(request, 200, headers=ROUTES, contact="<sip:peer@10.0.0.9:5070>")
    bench.settle()
    dialog = bench.phone.the_usage.dialog
    assert [str(route.uri) for route in dialog.route_set] == [
        "sip:p1.example.com;lr",
        "sip:p2.example.com;lr;x=1",
    ]
    assert str(dialog.remote_target) == "sip:peer@10.0.0.9:5070"
    assert (dialog.local_seq, dialog.remote_seq) == (1, -1)
    assert (dialog.local_tag, dialog.remote_tag) == (request.from_tag, "peer")


def test_route_set_is_taken_again_from_the_2xx() -> None:
    """§13.2.2.4: RFC 2543 elements mirrored Record-Route in the 2xx only; the sequence numbers stay."""
    bench = Bench()
    _, request = bench.calling()
    bench.peer.respond(request, 180)
    bench.settle()
    assert not bench.phone.the_usage.dialog.route_set
    bench.peer.respond(request, 200, headers=ROUTES)
    bench.settle()
    assert len(bench.phone.the_usage.dialog.route_set) == 2


def test_no_to_tag() -> None:
    """§12.1.2: a missing To tag of an RFC 2543 peer is null, and is left out of later requests."""
    bench = Bench()
    _, request = bench.calling()
    bench.peer.respond(request, 200, to_tag=None)
    bench.settle()
    assert bench.phone.events[-1] == "answered"
    bench.phone.the_usage.bye()
    bench.settle()
    bye = bench.peer.request_heard("BYE")
    assert bye.to_tag is None
    bench.peer.respond(bye, 200, to_tag=None)
    bench.settle()
    bench.finish()


def test_no_from_tag() -> None:
    """§12.1.1: a missing From tag is null as well."""
    bench = Bench()
    fields = (
        "Via: SIP/2.0/UDP 10.0.0.9:5060;branch={}\r\nMax-Forwards: 70\r\nFrom: <sip:peer@example.com>\r\n"
        "To: <sip:callee@example.com>{}\r\nCall-ID: old\r\nCSeq: {}\r\nContact: <sip:peer@10.0.0.9>\r\n"
        "Content-Length: 0\r\n\r\n"
    )
    bench.peer.send(
        ("INVITE sip:x@10.0.0.2 SIP/2.0\r\n" + fields.format("1", "", "1 INVITE")).encode(), bench.at
    )
    bench.settle()
    invite = bench.phone.invites[-1]
    invite.accept(body=OFFER)
    tag = f";tag={invite.usage.dialog.local_tag}"
    for method, number in (("ACK", 1), ("BYE", 2)):
        text = f"{method} sip:x@10.0.0.2 SIP/2.0\r\n" + fields.format(f"{method}", tag, f"{number} {method}")
        bench.peer.send(text.encode(), bench.at)
        bench.settle()
    assert bench.phone.events[-2:] == ["acknowledged", "bye_received"]


@pytest.mark.parametrize("status", [100, 180])
def test_provisional_responses_and_early_dialogs(status: int) -> None:
    """§12.1: only 101 to 199 with a To tag make a dialog."""
    bench = Bench()
    _, request = bench.calling()
    bench.peer.respond(request, status, to_tag=None)
    bench.settle()
    assert bench.phone.agent.dialogs == 0
    bench.peer.respond(request, 183)
    bench.settle()
    assert bench.phone.agent.dialogs == 1


def test_secure_dialog() -> None:
    """§12.1.1, §12.2.1.1: a SIPS Request-URI over TLS makes the dialog secure, and our Contact a SIPS URI."""
    bench = Bench(transport=Transport.TLS)
    bench.peer.request(
        "INVITE", bench.at, uri="sips:callee@10.0.0.2", contact="<sips:peer@10.0.0.9>", body=OFFER
    )
    bench.settle()
    invite = bench.phone.invites[-1]
    invite.accept(body=ANSWER)
    bench.settle()
    assert invite.usage.dialog.secure
    contact = bench.peer.response_heard(200, "INVITE").contact
    assert contact is not None
    assert contact.uri.scheme == "sips"


def test_sips_contact_for_a_sips_peer_without_security() -> None:
    """§12.1.1: a SIPS Contact or top Record-Route asks for a SIPS Contact in the answer as well."""
    bench = Bench()
    bench.invited(contact="<sips:peer@10.0.0.9>").accept(body=ANSWER)
    bench.settle()
    contact = bench.peer.response_heard(200, "INVITE").contact
    assert contact is not None
    assert contact.uri.scheme == "sips"


def test_sips_contact_for_a_sips_route() -> None:
    """§12.1.1: the top Record-Route decides if there is one."""
    bench = Bench()
    bench.invited(headers=(("Record-Route", "<sips:p1.example.com;lr>"),)).accept(body=ANSWER)
    bench.settle()
    contact = bench.peer.response_heard(200, "INVITE").contact
    assert contact is not None
    assert contact.uri.scheme == "sips"


@pytest.mark.parametrize("headers", [(), (("Record-Route", "<<"),)])
def test_route_set_of_the_2xx_may_be_empty(headers: tuple[tuple[str, str], ...]) -> None:
    """§13.2.2.4: it replaces that of the early dialog."""
    bench = Bench()
    _, request = bench.calling()
    bench.peer.respond(request, 180, headers=ROUTES)
    bench.settle()
    bench.peer.respond(request, 200, headers=headers)
    bench.settle()
    assert "route" not in bench.peer.request_heard("ACK").headers


@pytest.mark.parametrize("contact", ["", "<tel:+4989123>", "<nonsense"])
def test_invite_without_a_usable_contact(contact: str) -> None:
    """§8.1.1.8: an INVITE MUST have exactly one SIP or SIPS Contact; 400 names the header."""
    bench = Bench()
    bench.peer.request("INVITE", bench.at, contact=contact, body=OFFER)
    bench.settle()
    response = bench.peer.response_heard(400, "INVITE")
    assert "Contact" in (response.headers.get("warning") or "")
    assert bench.phone.invites == []


def test_2xx_without_a_contact() -> None:
    """A peer's mistake that costs no call: the Request-URI of the INVITE serves as the remote target."""
    bench = Bench()
    bench.call_to_peer(contact="")
    assert str(bench.peer.request_heard("ACK").uri) == "sip:peer@10.0.0.9"


def test_unusable_headers_in_a_2xx_cost_no_call() -> None:
    """Malformed Contact, Record-Route and Session-Expires are ignored: the ACK must go out."""
    bench = Bench()
    _, request = bench.calling()
    headers = (("Record-Route", "<<"), ("Session-Expires", "soon"), ("Allow", ","))
    bench.peer.respond(request, 200, contact="<sip:>", headers=headers)
    bench.settle()
    assert bench.phone.events[-1] == "answered"
    assert str(bench.peer.request_heard("ACK").uri) == "sip:peer@10.0.0.9"
    assert not bench.phone.the_usage.peer_allows("UPDATE")


def test_both_directions_of_one_dialog_know_each_other() -> None:
    """§12: the identifier is the same pair of tags seen from the other side."""
    bench = Bench()
    bench.call_from_peer()
    bench.within("BYE")
    assert isinstance(bench.heard("200 BYE"), Response)
    assert bench.phone.events == ["bye_received"]
    bench.finish()


def test_a_request_uri_keeps_its_form() -> None:
    """§19.1.1: a Request-URI has neither method nor headers."""
    bench = Bench()
    bench.phone.call(SipUri.parse("sip:peer@10.0.0.9;method=BYE;user=phone?Subject=x"))
    bench.settle()
    request = bench.peer.heard[-1]
    assert isinstance(request, Request)
    assert request.uri_text == "sip:peer@10.0.0.9;user=phone"
