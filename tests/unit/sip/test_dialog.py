"""Dialogs by themselves. What RFC 3261 §12 asks of them is in tests/conformance/rfc3261_12."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.sip.fake_wire import FakeFlow
from trunkline.sip.dialog import Dialog
from trunkline.sip.headers import Headers
from trunkline.sip.message import Request, Response
from trunkline.sip.name_addr import NameAddr
from trunkline.sip.parse import parse_message
from trunkline.sip.ports import Address
from trunkline.sip.uri import SipUri


def dialog(*route_set: str) -> Dialog:
    return Dialog(
        call_id="c",
        local_tag="l",
        remote_tag="r",
        local_name="<sip:us@x>;tag=l",
        remote_name="<sip:them@x>;tag=r",
        local_seq=5,
        remote_seq=-1,
        remote_target=SipUri.parse("sip:bob@remoteua"),
        route_set=[NameAddr.parse(route) for route in route_set],
        flow=None,
        owns_call_id=True,
        secure=False,
    )


def test_strict_router_on_top() -> None:
    """RFC 3261 §12.2.1.1's own example."""
    request = dialog("<sip:proxy1>", "<sip:proxy2>", "<sip:proxy3;lr>", "<sip:proxy4>").request("INFO")
    assert request.uri_text == "sip:proxy1"
    assert [str(route) for route in request.route] == [
        "<sip:proxy2>",
        "<sip:proxy3;lr>",
        "<sip:proxy4>",
        "<sip:bob@remoteua>",
    ]


def test_one_strict_router() -> None:
    request = dialog("<sip:proxy1;method=INFO?Subject=x>").request("INFO")
    assert request.uri_text == "sip:proxy1"
    assert [str(route) for route in request.route] == ["<sip:bob@remoteua>"]


@given(st.lists(st.sampled_from(["<sip:a;lr>", "<sip:b>", "<sip:c;lr;x=y>"]), max_size=6))
def test_every_hop_is_kept(route_set: list[str]) -> None:
    """Whatever the routers are like, the request passes all of them and ends at the remote target."""
    request = dialog(*route_set).request("INFO")
    path = [str(route) for route in request.route]
    if route_set and "lr" not in route_set[0]:
        path = [f"<{request.uri_text}>", *path]
    else:
        path = [*path, f"<{request.uri_text}>"]
    assert path == [*route_set, "<sip:bob@remoteua>"]


@pytest.mark.parametrize("route", ["<sip:p1;lr>", "<sip:p1>", None])
def test_no_request_uri_has_headers(route: str | None) -> None:
    """RFC 3261 §19.1.1, Table 1: a Contact within a dialog has none either, but some peers write one."""
    one = dialog() if route is None else dialog(route)
    one.remote_target = SipUri.parse("sip:bob@remoteua;method=INVITE;ob?Subject=x")
    request = one.request("BYE")
    parsed = parse_message(b"\r\nVia: SIP/2.0/UDP p\r\n".join(request.to_bytes().split(b"\r\n", 1)))
    assert isinstance(parsed, Request)
    assert "sip:bob@remoteua;ob" in (parsed.uri_text, str(parsed.route[-1].uri) if route else "")


def test_numbers() -> None:
    one = dialog()
    assert [one.request("INFO").cseq.number for _ in range(3)] == [6, 7, 8]
    assert one.request("ACK", 5).cseq == (5, "ACK")
    assert one.request("BYE").cseq.number == 9


@pytest.mark.parametrize(
    ("numbers", "expected"), [([0, 1, 5], [True] * 3), ([3, 3, 2, 4], [True, False, False, True])]
)
def test_order(numbers: list[int], expected: list[bool]) -> None:
    one = dialog()
    assert [one.in_order(number) for number in numbers] == expected


@pytest.mark.parametrize("contact", ["<tel:+49>", "*", "<<", "<sip:>"])
def test_contact_that_cannot_be_used(contact: str) -> None:
    one = dialog()
    one.refresh_target(Response(200, headers=Headers([("Contact", contact)])))
    assert str(one.remote_target) == "sip:bob@remoteua"


@pytest.mark.parametrize("host", ["2001:db8::9", "2001:DB8:0::9", "2001:db8:0:0:0:0:0:9"])
def test_a_contact_where_its_packets_come_from_decides_on_the_port(host: str) -> None:
    """However its IPv6 address is spelt (RFC 5954 §4.2)."""
    one = dialog()
    one.flow = FakeFlow(remote=Address("2001:db8::9", 5060))
    one.remote_target = SipUri.parse(f"sip:bob@[{host}]:5080")
    assert one.next_hop() == one.remote_target
    one.remote_target = SipUri.parse("sip:bob@[2001:db8::8]:5080")
    assert one.next_hop() is one.flow


def test_next_hop_without_a_flow() -> None:
    assert str(dialog().next_hop()) == "sip:bob@remoteua"
    assert str(dialog("<sip:a;lr>").next_hop()) == "sip:a;lr"
    assert str(dialog("<tel:+49>").next_hop()) == "sip:bob@remoteua"
