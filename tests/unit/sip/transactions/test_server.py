"""What both server machines share: tags and bytes of responses."""

import pytest

from tests.unit.sip.fake_wire import FakeFlow, incoming
from tests.unit.sip.transactions.fakes import Log
from trunkline.sip.message import Request, response_to
from trunkline.sip.parse import parse_message
from trunkline.sip.transactions.invite_server import InviteServerTransaction
from trunkline.sip.transactions.non_invite_server import NonInviteServerTransaction
from trunkline.sip.transactions.server import ServerTransaction

KINDS = [(InviteServerTransaction, "INVITE"), (NonInviteServerTransaction, "OPTIONS")]


def received(kind: type[ServerTransaction], method: str, to_tag: str = "") -> tuple[Log, ServerTransaction]:
    request = parse_message(incoming(method, to_tag=to_tag))
    assert isinstance(request, Request)
    log = Log()
    return log, kind(log, request, FakeFlow(), "key")


def sent_tag(log: Log) -> str | None:
    return parse_message(log.sent[-1]).to_tag


@pytest.mark.parametrize(("kind", "method"), KINDS)
def test_a_final_response_without_a_to_tag_gets_one(kind: type[ServerTransaction], method: str) -> None:
    log, transaction = received(kind, method)
    transaction.respond(response_to(transaction.request, 404))
    assert sent_tag(log) == "fresh" == transaction.local_tag


@pytest.mark.parametrize("to", ['";tag=x" <sip:bob@198.51.100.1>', '<sip:bob@198.51.100.1>;x=">;tag=y"'])
def test_what_only_looks_like_a_tag_is_none(to: str) -> None:
    request = parse_message(incoming("INVITE").replace(b"<sip:bob@198.51.100.1>", to.encode()))
    assert isinstance(request, Request)
    log = Log()
    InviteServerTransaction(log, request, FakeFlow(), "key").respond(response_to(request, 200))
    assert sent_tag(log) == "fresh"


@pytest.mark.parametrize("tag", ["; tag=t", " ;tag=t", ";tag = t", ";TAG=t", ";x;Tag=t"])
def test_a_tag_in_any_spelling_is_one(tag: str) -> None:
    """RFC 3261 §25.1: SEMI and EQUAL may have white space around them, names of parameters any case."""
    request = parse_message(incoming("BYE").replace(b"bob@198.51.100.1>", f"bob@198.51.100.1>{tag}".encode()))
    assert isinstance(request, Request)
    log = Log()
    NonInviteServerTransaction(log, request, FakeFlow(), "key").respond(response_to(request, 200))
    assert sent_tag(log) == "t"


@pytest.mark.parametrize(("kind", "method"), KINDS)
def test_a_100_gets_none(kind: type[ServerTransaction], method: str) -> None:
    log, transaction = received(kind, method)
    transaction.respond(response_to(transaction.request, 100))
    assert sent_tag(log) is None


@pytest.mark.parametrize(("kind", "method"), KINDS)
def test_the_users_own_tag_is_the_local_tag(kind: type[ServerTransaction], method: str) -> None:
    log, transaction = received(kind, method)
    transaction.respond(response_to(transaction.request, 200, to_tag="mine"))
    assert sent_tag(log) == "mine" == transaction.local_tag


@pytest.mark.parametrize(("kind", "method"), KINDS)
def test_within_a_dialog_the_tag_is_the_dialogs(kind: type[ServerTransaction], method: str) -> None:
    log, transaction = received(kind, method, "dialog")
    assert transaction.local_tag == "dialog"
    transaction.respond(response_to(transaction.request, 200))
    assert sent_tag(log) == "dialog"


def test_provisional_and_final_carry_the_same_tag() -> None:
    log, transaction = received(InviteServerTransaction, "INVITE")
    transaction.respond(response_to(transaction.request, 180, to_tag="mine"))
    transaction.respond(response_to(transaction.request, 486, to_tag=transaction.local_tag))
    assert sent_tag(log) == "mine"


def test_a_repeated_request_costs_no_serialising() -> None:
    log, transaction = received(NonInviteServerTransaction, "OPTIONS")
    transaction.respond(response_to(transaction.request, 200))
    transaction.receive_again()
    assert log.sent[0] is log.sent[1]
