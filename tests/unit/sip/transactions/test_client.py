"""What both client machines share."""

import pytest

from tests.unit.sip.fake_wire import outgoing
from tests.unit.sip.transactions.fakes import BRANCH, FAILURE, VIA, Log, answer, on_the_wire
from trunkline.sip.message import Response
from trunkline.sip.parse import parse_message
from trunkline.sip.ports import Transport
from trunkline.sip.transactions.client import NOBODY, ClientTransaction, derived_request
from trunkline.sip.transactions.invite_client import InviteClientTransaction
from trunkline.sip.transactions.non_invite_client import NonInviteClientTransaction


@pytest.mark.parametrize(
    ("kind", "method"), [(InviteClientTransaction, "INVITE"), (NonInviteClientTransaction, "BYE")]
)
def test_key_is_branch_and_method(kind: type[ClientTransaction], method: str) -> None:
    request, data, flow = on_the_wire(method, Transport.UDP)
    log = Log()
    assert kind(log, log, request, VIA, BRANCH, data, flow).key == (BRANCH, method)


@pytest.mark.parametrize(
    ("kind", "method"), [(InviteClientTransaction, "INVITE"), (NonInviteClientTransaction, "BYE")]
)
def test_a_late_driver_does_not_burst(kind: type[ClientTransaction], method: str) -> None:
    """When the clock was not looked at for a while, one retransmission is sent, not all that were missed."""
    request, data, flow = on_the_wire(method, Transport.UDP)
    log = Log()
    kind(log, log, request, VIA, BRANCH, data, flow).start()
    log.clock.moment += 10
    log.clock.run_due()
    assert log.sent_at == [0, 10]


def test_the_user_is_let_go_at_the_end() -> None:
    request, data, flow = on_the_wire("BYE", Transport.TCP)
    log = Log()
    transaction = NonInviteClientTransaction(log, log, request, VIA, BRANCH, data, flow)
    transaction.start()
    transaction.receive(answer(data, 200))
    assert transaction._user is NOBODY
    log.take()
    transaction.receive(answer(data, 200))
    transaction.fail(FAILURE)
    assert log.take() == []


def test_nobody_takes_everything() -> None:
    request, data, flow = on_the_wire("CANCEL", Transport.UDP)
    log = Log()
    for ending in (
        lambda it: it.receive(answer(data, 481)),
        lambda it: it.fail(FAILURE),
        lambda _: log.clock.advance(64),
    ):
        transaction = NonInviteClientTransaction(log, NOBODY, request, VIA, BRANCH, data, flow)
        transaction.start()
        ending(transaction)
    assert "pass up 481" not in log.take()


def test_derived_request_copies_what_identifies_the_original() -> None:
    original = outgoing(
        "INVITE",
        "sip:bob@example.com",
        ("Route", "<sip:p1;lr>"),
        ("Route", "<sip:p2;lr>"),
        ("Require", "100rel"),
        ("Proxy-Require", "x"),
        ("Contact", "<sip:alice@198.51.100.1>"),
        ("Content-Type", "application/sdp"),
        body=b"v=0\r\n",
    )
    cancel = derived_request("CANCEL", original, VIA, original.headers.get("to") or "")
    assert (cancel.method, cancel.uri_text, cancel.body) == ("CANCEL", original.uri_text, b"")
    assert list(cancel.headers.fields()) == [
        ("Via", VIA),
        ("Route", "<sip:p1;lr>"),
        ("Route", "<sip:p2;lr>"),
        ("Max-Forwards", "70"),
        ("From", "<sip:alice@example.net>;tag=a1"),
        ("To", "<sip:bob@example.com>"),
        ("Call-ID", "call-1"),
        ("CSeq", "7 CANCEL"),
    ]


def test_an_odd_to_of_the_peer_is_acknowledged_as_it_came() -> None:
    """RFC 4475 §3.1.1.2: a quoted pair may hold any character but CR and LF, a NUL among them."""
    request, data, flow = on_the_wire("INVITE", Transport.UDP)
    log = Log()
    transaction = InviteClientTransaction(log, log, request, VIA, BRANCH, data, flow)
    transaction.start()
    odd = answer(data, 486).to_bytes().replace(b"To: <", b'To: "\\\0" <')
    response = parse_message(odd)
    assert isinstance(response, Response)
    transaction.receive(response)
    assert b'\r\nTo: "\\\0" <sip:bob@example.com>;tag=b1\r\n' in log.sent[-1]
