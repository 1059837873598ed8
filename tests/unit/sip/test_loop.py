"""Branches with a fingerprint, and their return."""

import pytest

from tests.unit.sip.fake_wire import OURS, incoming
from trunkline.sip.loop import LoopGuard
from trunkline.sip.message import Request
from trunkline.sip.parse import parse_message
from trunkline.sip.ports import Address

URI = "sip:bob@example.com"


@pytest.fixture
def guard() -> LoopGuard:
    guard = LoopGuard(b"secret")
    guard.remember(OURS)
    return guard


def request(uri: str, *vias: str) -> Request:
    first, *rest = vias
    data = incoming("INVITE", uri=uri, via=first, branch=None, extra="".join(f"Via: {via}\n" for via in rest))
    message = parse_message(data)
    assert isinstance(message, Request)
    return message


def test_branch_begins_with_the_cookie_and_the_token(guard: LoopGuard) -> None:
    assert guard.branch("t1", None) == "z9hG4bKt1"
    assert guard.branch("t1", URI).startswith("z9hG4bKt1-l")


def test_fingerprint_depends_on_the_request_uri_and_the_secret_only(guard: LoopGuard) -> None:
    one = guard.branch("t", URI)
    assert one == guard.branch("t", URI)
    assert one != guard.branch("t", "sip:carol@example.com")
    assert one != LoopGuard(b"another").branch("t", URI)


def test_a_request_that_comes_back_unchanged_has_looped(guard: LoopGuard) -> None:
    ours = f"SIP/2.0/UDP {OURS};branch={guard.branch('t', URI)}"
    proxy = "SIP/2.0/UDP proxy.example.com;branch=z9hG4bKp"
    assert guard.looped(request(URI, ours))
    assert guard.looped(request(URI, proxy, ours))
    assert guard.looped(request(URI, proxy, proxy, f"{proxy}, {ours}"))
    assert guard.looped(request(URI, f"{ours}, {proxy}"))


def test_a_changed_request_uri_is_a_spiral(guard: LoopGuard) -> None:
    ours = f"SIP/2.0/UDP {OURS};branch={guard.branch('t', URI)}"
    assert not guard.looped(request("sip:carol@example.com", ours))


def test_only_our_sent_by_with_our_fingerprint_counts(guard: LoopGuard) -> None:
    fingerprinted = guard.branch("t", URI)
    assert not guard.looped(request(URI, f"SIP/2.0/UDP 203.0.113.5;branch={fingerprinted}"))
    assert not guard.looped(request(URI, f"SIP/2.0/UDP {OURS.host}:5070;branch={fingerprinted}"))
    elsewhere = f"SIP/2.0/UDP 203.0.113.5;branch={fingerprinted}"
    assert not guard.looped(request(URI, elsewhere, elsewhere))
    assert not guard.looped(request(URI, f"SIP/2.0/UDP {OURS};branch=z9hG4bKt"))
    assert not guard.looped(request(URI, f"SIP/2.0/UDP {OURS}"))


def test_sent_by_names_are_compared_without_case(guard: LoopGuard) -> None:
    guard.remember(Address("SIP.Example.COM", 5060))
    assert guard.looped(request(URI, f"SIP/2.0/UDP sip.example.com:5060;branch={guard.branch('t', URI)}"))


def test_odd_vias_of_others_do_not_disturb(guard: LoopGuard) -> None:
    odd = 'SIP/2.0/UDP other.example.com;branch=z9hG4bK1;x="a,b";flag'
    assert not guard.looped(request(URI, odd, odd))


def test_a_via_that_cannot_be_read_is_no_obstacle(guard: LoopGuard) -> None:
    ours = f"SIP/2.0/UDP {OURS};branch={guard.branch('t', URI)}"
    top = "SIP/2.0/UDP proxy.example.com;branch=z9hG4bKp"
    broken = f"SIP/2.0/UDP {OURS};maddr=a b;branch={guard.branch('t', URI)}"
    assert not guard.looped(request(URI, top, "rubbish", broken))
    assert guard.looped(request(URI, top, "rubbish", broken, ours))


def test_more_vias_than_any_loop_needs_are_not_searched(guard: LoopGuard) -> None:
    ours = f"SIP/2.0/UDP {OURS};branch={guard.branch('t', URI)}"
    top = "SIP/2.0/UDP proxy.example.com;branch=z9hG4bKp"
    assert not guard.looped(request(URI, *[",".join([top] * 100)] * 2, ours))
