"""The switch and a request that answers another node's challenge: it waits for that node's word."""

import hashlib
from dataclasses import replace

import pytest

from tests.simulation.descriptions import audio
from tests.simulation.scripted_peer import ScriptedPeer
from tests.simulation.slow_issuers import SlowIssuers
from tests.simulation.world import ACCOUNT, CALLEE, DOMAIN, KEY, NUMBER, SECRET, World, credential, ringing
from tests.unit.call.refusals import error_id
from trunkline.sip.digest import Challenge, Challenger, answer_challenge
from trunkline.trunk.account import AccountStatus
from trunkline.trunk.directory import Kind, Remove
from trunkline.trunk.verdict import Slug, Verdict

HOST = "10.0.0.9"


class Guest:
    """A customer that the node `elsewhere` has challenged, and a world that has just heard its answer."""

    def __init__(self, method: str = "INVITE", **more: object) -> None:
        self.issuers = SlowIssuers()
        self.world = World(issuers=self.issuers)
        self.world.gateway.on_invite = ringing
        self.peer = ScriptedPeer(self.world.network, HOST)
        self.method = method
        self.uri = f"sip:{CALLEE}@{DOMAIN}" if method == "INVITE" else f"sip:{DOMAIN}"
        self.elsewhere = Challenger(
            DOMAIN, hashlib.sha256(b"key").digest(), self.world.clock, edge="elsewhere"
        )
        values = self.elsewhere.challenge_headers(HOST)
        self.nonce = Challenge.parse(values[1]).nonce
        self.answer(values, 7, **more)

    def answer(self, values: list[str], count: int, **more: object) -> None:
        credentials = answer_challenge(values, self.method, self.uri, KEY, SECRET, "cnonce", count, b"")
        assert credentials is not None
        self.peer.request(
            self.method,
            self.world.node.host.address,
            uri=self.uri,
            headers=((self._header, credentials),),
            body=audio(HOST) if self.method == "INVITE" else b"",
            cseq=count,
            **more,  # type: ignore[arg-type]
        )
        self.world.clock.advance(0.1)

    @property
    def _header(self) -> str:
        return "Authorization" if self.method == "REGISTER" else "Proxy-Authorization"

    def challenged(self) -> list[str]:
        """What it was asked again."""
        self.world.clock.advance(0.1)
        status, name = (401, "www-authenticate") if self.method == "REGISTER" else (407, "proxy-authenticate")
        return self.peer.response_heard(status, self.method).headers.all(name)

    def end(self) -> None:
        self.world.node.switch.hang_up_all(Verdict.of(Slug.SHUT_DOWN))
        self.world.clock.advance(60)
        self.world.node.assert_idle()


def test_a_call_waits_for_the_issuers_word() -> None:
    guest = Guest()
    assert guest.issuers.asked == [(guest.elsewhere.issuer, guest.nonce, 7)]
    guest.world.clock.advance(1)
    assert guest.peer.summaries == ["100 INVITE"]
    assert (len(guest.world.node.switch), guest.world.node.books.calls) == (1, [])
    guest.issuers.answer(good=True)
    guest.world.clock.advance(0.1)
    assert guest.peer.summaries == ["100 INVITE", "180 INVITE"]
    assert guest.world.record.account == KEY
    guest.end()


def test_what_was_used_elsewhere_is_stale_and_no_call() -> None:
    guest = Guest()
    guest.issuers.answer(good=False)
    values = guest.challenged()
    assert all(Challenge.parse(value).stale for value in values)
    assert len(guest.world.node.switch) == 0
    guest.answer(values, 8)
    assert len(guest.issuers.asked) == 1, "the new nonce is its own"
    assert guest.world.record.account == KEY
    assert guest.world.node.door.wrong == []
    guest.end()


@pytest.mark.parametrize("good", [True, False])
def test_a_registration_waits_too(good: bool) -> None:
    guest = Guest("REGISTER")
    assert guest.peer.summaries == []
    assert not guest.world.node.registrations.bindings(KEY)
    guest.issuers.answer(good=good)
    if good:
        guest.world.clock.advance(0.1)
        assert guest.peer.summaries == ["200 REGISTER"]
    else:
        assert all(Challenge.parse(value).stale for value in guest.challenged())
    assert len(guest.world.node.registrations.bindings(KEY)) == good
    guest.world.clock.advance(60)
    guest.world.node.assert_idle()


@pytest.mark.parametrize("method", ["REGISTER", "INVITE"])
@pytest.mark.parametrize("how", ["blocked", "removed", "revoked"])
def test_who_has_been_shut_out_meanwhile_is_not_let_in(method: str, how: str) -> None:
    guest = Guest(method)
    node = guest.world.node
    if how == "revoked":
        node.put(replace(ACCOUNT, credentials=(replace(credential(secret="new"), name="new"),)))
    elif how == "removed":
        node.directory.apply(Remove(Kind.NUMBER, NUMBER))
        node.directory.apply(Remove(Kind.ACCOUNT, KEY))
    else:
        node.put(replace(ACCOUNT, status=AccountStatus.BLOCKED))
    guest.issuers.answer(good=True)
    if how != "blocked":
        assert not any(Challenge.parse(value).stale for value in guest.challenged())
    else:
        guest.world.clock.advance(0.1)
        assert error_id(guest.peer.response_heard(403, method)) == "account-blocked"
    assert not node.registrations.bindings(KEY)
    assert guest.world.heard_by(guest.world.gateway, "INVITE") == []
    guest.end()


@pytest.mark.parametrize("good", [True, False])
def test_a_caller_that_gives_up_meanwhile_leaves_nothing(good: bool) -> None:
    guest = Guest(branch="z9hG4bKgiven-up")
    guest.peer.request(
        "CANCEL", guest.world.node.host.address, uri=guest.uri, cseq=7, branch="z9hG4bKgiven-up"
    )
    guest.world.clock.advance(0.1)
    assert guest.peer.response_heard(487, "INVITE")
    guest.issuers.answer(good=good)
    assert guest.world.node.books.calls == []
    guest.world.clock.advance(60)
    guest.world.node.assert_idle()


def test_all_calls_are_ended_meanwhile() -> None:
    guest = Guest()
    guest.world.node.switch.hang_up_all(Verdict.of(Slug.SHUT_DOWN))
    guest.issuers.answer(good=True)
    guest.world.clock.advance(0.1)
    assert "shut-down" in guest.peer.response_heard(503, "INVITE").headers.all("reason")[0]
    guest.end()


def test_a_fault_after_the_wait_costs_the_request_alone() -> None:
    """A Contact that is read only then is refused in the same words as at once."""
    guest = Guest("REGISTER", contact="<sip:")
    guest.issuers.answer(good=True)
    guest.world.clock.advance(0.1)
    assert guest.peer.summaries == ["400 REGISTER"]
    assert not guest.world.node.registrations.bindings(KEY)
