"""Which message belongs to which transaction."""

from typing import Any

import pytest

from tests.unit.sip.fake_wire import OURS, PEER, FakeFlow, incoming
from tests.unit.sip.transactions.fakes import BRANCH, VIA, Log, answer, on_the_wire
from trunkline.sip.message import Request, Response, response_to
from trunkline.sip.parse import parse_message
from trunkline.sip.ports import Address, Target, Transport
from trunkline.sip.transactions.invite_client import InviteClientTransaction
from trunkline.sip.transactions.invite_server import InviteServerTransaction
from trunkline.sip.transactions.non_invite_client import NonInviteClientTransaction
from trunkline.sip.transactions.non_invite_server import NonInviteServerTransaction
from trunkline.sip.transactions.table import TransactionTable, server_key


def request(method: str = "INVITE", **parts: Any) -> Request:
    message = parse_message(incoming(method, **parts))
    assert isinstance(message, Request)
    return message


def client(
    table: TransactionTable, method: str = "INVITE", flow: FakeFlow | None = None
) -> tuple[object, bytes]:
    log = Log()
    one, data, default = on_the_wire(method, Transport.UDP)
    kind = InviteClientTransaction if method == "INVITE" else NonInviteClientTransaction
    transaction = kind(log, log, one, VIA, BRANCH, data, flow or default)
    table.add_client(transaction)
    return transaction, data


def server(table: TransactionTable, message: Request) -> InviteServerTransaction | NonInviteServerTransaction:
    kind = InviteServerTransaction if message.method == "INVITE" else NonInviteServerTransaction
    transaction = kind(Log(), message, FakeFlow(), server_key(message, message.method))
    table.add_server(transaction)
    return transaction


def with_via(data: bytes, via: str) -> Response:
    response = answer(data, 200)
    response.headers.set("via", via)
    message = parse_message(response.to_bytes())
    assert isinstance(message, Response)
    return message


# responses, §17.1.3


def test_response_matches_by_branch_and_cseq_method() -> None:
    table = TransactionTable()
    invite, data = client(table)
    cancel, cancel_data = client(table, "CANCEL")
    assert table.client_for(answer(data, 200)) is invite
    assert table.client_for(answer(cancel_data, 200)) is cancel
    _, other = client(TransactionTable(), "BYE")
    assert table.client_for(answer(other, 200)) is None


@pytest.mark.parametrize(
    ("via", "matches"),
    [
        (VIA, True),
        (f"SIP/2.0/UDP {OURS};branch={BRANCH};received=1.2.3.4;rport=9", True),
        (f"SIP/2.0/UDP {OURS.host};branch={BRANCH}", True),
        (f"SIP/2.0/UDP {OURS.host}:5061;branch={BRANCH}", False),
        (f"SIP/2.0/UDP 203.0.113.1:5060;branch={BRANCH}", False),
        (f"SIP/2.0/UDP {OURS};branch={BRANCH}x", False),
        (f"SIP/2.0/UDP {OURS}", False),
    ],
)
def test_sent_by_must_be_ours(via: str, matches: bool) -> None:
    table = TransactionTable()
    invite, data = client(table)
    assert table.client_for(with_via(data, via)) is (invite if matches else None)


def test_sent_by_names_are_compared_without_case() -> None:
    table = TransactionTable()
    invite, data = client(table, flow=FakeFlow(sent_by=Address("SIP.Example.com", 5060)))
    assert table.client_for(with_via(data, f"SIP/2.0/UDP sip.example.com:5060;branch={BRANCH}")) is invite


def test_sent_by_addresses_are_compared_by_value() -> None:
    """RFC 5118 §4.5, RFC 5954 §4.2: one IPv6 address has many spellings, and a peer may write its own."""
    table = TransactionTable()
    transaction, data = client(table, flow=FakeFlow(sent_by=Address("2001:db8::1", 5060)))
    via = f"SIP/2.0/UDP [2001:DB8:0:0:0:0:0:1]:5060;branch={BRANCH}"
    assert table.client_for(with_via(data, via)) is transaction
    assert table.client_for(with_via(data, via.replace(":1]", ":2]"))) is None


def test_removal_forgets_one_and_is_idempotent() -> None:
    table = TransactionTable()
    invite, data = client(table)
    assert isinstance(invite, InviteClientTransaction)
    table.remove_client(invite)
    table.remove_client(invite)
    assert table.client_for(answer(data, 200)) is None
    assert table.client_count == 0
    assert table.clients_on(invite.flow) == []


def test_a_second_cancel_of_the_same_branch_survives_the_end_of_the_first() -> None:
    table = TransactionTable()
    first, _ = client(table, "CANCEL")
    second, data = client(table, "CANCEL")
    assert isinstance(first, NonInviteClientTransaction)
    table.remove_client(first)
    assert table.client_for(answer(data, 200)) is second


# failures of flows


def test_a_connection_fails_alone() -> None:
    table = TransactionTable()
    one, two = FakeFlow(Transport.TCP), FakeFlow(Transport.TCP)
    on_one, _ = client(table, "INVITE", one)
    on_two, _ = client(table, "BYE", two)
    assert table.clients_on(one) == [on_one]
    assert table.clients_on(two) == [on_two]


def test_a_datagram_flow_stands_for_its_peer() -> None:
    table = TransactionTable()
    on_udp, _ = client(table, "INVITE", FakeFlow())
    client(table, "BYE", FakeFlow(Transport.TCP))
    client(table, "OPTIONS", FakeFlow(remote=Address("192.0.2.10", 5070)))
    assert table.clients_on(FakeFlow()) == [on_udp]


def test_a_target_stands_for_transport_and_address() -> None:
    table = TransactionTable()
    on_udp, _ = client(table, "INVITE", FakeFlow())
    on_tcp, _ = client(table, "BYE", FakeFlow(Transport.TCP))
    assert table.clients_on(Target(Transport.UDP, PEER)) == [on_udp]
    assert table.clients_on(Target(Transport.TCP, PEER)) == [on_tcp]
    assert table.clients_on(Target(Transport.TLS, PEER)) == []


# requests with the magic cookie, §17.2.3


@pytest.mark.parametrize(
    ("parts", "matches"),
    [
        ({}, True),
        ({"via": "SIP/2.0/UDP 192.0.2.10:5060;rport"}, True),
        ({"uri": "sip:changed@198.51.100.1"}, True),
        ({"branch": "z9hG4bKpeer2"}, False),
        ({"branch": "z9hG4bKPEER1"}, False),
        ({"via": "SIP/2.0/UDP 192.0.2.11:5060"}, False),
        ({"via": "SIP/2.0/UDP 192.0.2.10:5070"}, False),
        ({"via": "SIP/2.0/UDP 192.0.2.10"}, False),
    ],
)
def test_request_matches_by_branch_sent_by_and_method(parts: dict[str, Any], matches: bool) -> None:
    table = TransactionTable()
    invite = server(table, request())
    found = table.server_for(server_key(request(**parts), "INVITE"))
    assert found is (invite if matches else None)


def test_the_method_is_part_of_the_key() -> None:
    table = TransactionTable()
    invite, cancel = server(table, request()), server(table, request("CANCEL"))
    assert table.server_for(server_key(request("CANCEL"), "CANCEL")) is cancel
    assert table.server_for(server_key(request("CANCEL"), "INVITE")) is invite


def test_ack_of_a_rejection_matches_its_invite() -> None:
    table = TransactionTable()
    invite = server(table, request())
    assert table.server_for_ack(request("ACK", to_tag="any")) is invite
    assert table.server_for_ack(request("ACK", branch="z9hG4bKnew", to_tag="any")) is None


def test_ack_matches_nothing_but_an_invite() -> None:
    table = TransactionTable()
    server(table, request("OPTIONS"))
    assert table.server_for_ack(request("ACK")) is None


@pytest.mark.parametrize("branch", ["z9hG4bKx", "Z9HG4BKx", "z9hg4bkx"])
def test_the_cookie_has_no_case(branch: str) -> None:
    table = TransactionTable()
    server(table, request(branch=branch))
    assert table.server_for(server_key(request(branch=branch, uri="sip:x@y"), "INVITE")) is not None


# requests without, RFC 2543


@pytest.mark.parametrize("branch", [None, "1", "z9hG4"])
@pytest.mark.parametrize(
    ("parts", "matches"),
    [
        ({}, True),
        ({"uri": "sip:carol@198.51.100.1"}, False),
        ({"to_tag": "t"}, False),
        ({"call_id": "call-10"}, False),
        ({"cseq": 2}, False),
        ({"via": "SIP/2.0/UDP 192.0.2.10:5061"}, False),
    ],
)
def test_rfc2543_invite(branch: str | None, parts: dict[str, Any], matches: bool) -> None:
    table = TransactionTable()
    invite = server(table, request(branch=branch))
    found = table.server_for(server_key(request(branch=branch, **parts), "INVITE"))
    assert found is (invite if matches else None)


@pytest.mark.parametrize(
    ("parts", "matches"),
    [
        ({"to_tag": "ours"}, True),
        ({"to_tag": "other"}, False),
        ({"to_tag": "ours", "cseq": 2}, False),
        ({"to_tag": "ours", "call_id": "call-10"}, False),
        ({"to_tag": "ours", "uri": "sip:carol@198.51.100.1"}, False),
        ({}, True),
    ],
)
def test_rfc2543_ack_matches_by_the_to_tag_of_the_response(parts: dict[str, Any], matches: bool) -> None:
    """The last case: an ACK without any To tag, which RFC 2543 clients may send, matches too."""
    table = TransactionTable()
    invite = server(table, request(branch=None))
    assert isinstance(invite, InviteServerTransaction)
    table.expect_rfc2543_ack(invite, response_to(invite.request, 486, to_tag="ours"))
    ack = request("ACK", branch=None, **parts)
    assert table.server_for_ack(ack) is (invite if matches else None)
    table.remove_server(invite)
    assert table.server_for_ack(ack) is None


def test_rfc2543_cancel_finds_its_invite() -> None:
    table = TransactionTable()
    invite = server(table, request(branch=None))
    assert table.server_for(server_key(request("CANCEL", branch=None), "INVITE")) is invite


# merged requests, §8.2.2.2


def test_another_branch_with_the_same_call_merges() -> None:
    table = TransactionTable()
    first = server(table, request())
    second = server(table, request(branch="z9hG4bKother"))
    assert not table.merges_with(first)
    assert table.merges_with(second)


@pytest.mark.parametrize("parts", [{"call_id": "call-10"}, {"cseq": 2}, {"to_tag": "t"}])
def test_another_call_cseq_or_dialog_does_not(parts: dict[str, Any]) -> None:
    table = TransactionTable()
    server(table, request())
    assert not table.merges_with(server(table, request(branch="z9hG4bKother", **parts)))


def test_another_method_does_not() -> None:
    table = TransactionTable()
    server(table, request("INVITE"))
    assert not table.merges_with(server(table, request("CANCEL")))


def test_nothing_merges_with_what_is_settled_or_gone() -> None:
    table = TransactionTable()
    first = server(table, request())
    table.settle(first)
    second = server(table, request(branch="z9hG4bKother"))
    assert not table.merges_with(second)
    table.remove_server(second)
    third = server(table, request(branch="z9hG4bKthird"))
    assert not table.merges_with(third)
    table.remove_server(first)
    table.remove_server(third)
    assert table.server_count == 0


def test_the_end_of_a_merged_request_does_not_free_the_first() -> None:
    table = TransactionTable()
    server(table, request())
    second = server(table, request(branch="z9hG4bKother"))
    table.remove_server(second)
    assert table.merges_with(server(table, request(branch="z9hG4bKthird")))


# what ICMP quotes


def test_a_request_is_known_by_its_beginning() -> None:
    table = TransactionTable()
    flow = FakeFlow()
    client(table, flow=flow)
    sent = b"INVITE sip:1@h SIP/2.0\r\nVia: " + VIA.encode() + b"\r\nMax-Forwards: 70\r\n"
    there = Target(Transport.UDP, flow.remote)
    assert table.has_sent(sent, flow)
    assert table.has_sent(sent, there)
    assert not table.has_sent(sent, there._replace(address=Address("192.0.2.66", 5060)))
    for other in (
        b"",
        sent[: sent.index(b"\r\nMax") - 1],
        sent.replace(b"INVITE", b"BYE"),
        sent.replace(BRANCH.encode(), BRANCH.encode() + b"x"),
        sent.replace(b"Via", b"v"),
        b"\xff" * 1280,
    ):
        assert not table.has_sent(other, flow)
    assert not table.has_sent(b"INVITE " + b";branch=" * 160, flow)
