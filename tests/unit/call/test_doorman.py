"""Who is calling: digest before address, the same answer to an unknown key and a wrong secret."""

from collections.abc import Sequence
from dataclasses import replace
from ipaddress import ip_network

import pytest

from tests.simulation.door_log import DoorLog
from tests.simulation.slow_issuers import SlowIssuers
from tests.simulation.world import ACCOUNT, CARRIER, DOMAIN, KEY, SECRET, credential
from tests.unit.sip.fake_wire import FakeFlow
from tests.unit.trunk.entities import table
from tests.unit.virtual_clock import FakeClock
from trunkline.call import doorman as doorman_module
from trunkline.call.doorman import GUESSES, GUESSING_S, SIGNED_IN_S, WRONG_TRIES, Caller, Doorman
from trunkline.sip.digest import Challenge, Challenger, answer_challenge
from trunkline.sip.fronted import FrontedFlow
from trunkline.sip.message import Request, Response
from trunkline.sip.nonce import NonceCounts
from trunkline.sip.parse import parse_message
from trunkline.sip.ports import Address
from trunkline.trunk.account import Account
from trunkline.trunk.carrier import Carrier
from trunkline.trunk.directory import Directory, Snapshot

HOME, ELSEWHERE = "192.0.2.10", "192.0.2.11"
BY_ADDRESS = replace(CARRIER, sources=(ip_network(f"{HOME}/32"),))
URI = f"sip:493012345678@{DOMAIN}"


def request(method: str = "INVITE", authorization: Sequence[str] = ()) -> Request:
    name = "Authorization" if method == "REGISTER" else "Proxy-Authorization"
    lines = [
        f"{method} {URI} SIP/2.0",
        f"Via: SIP/2.0/UDP {HOME};branch=z9hG4bKa",
        f"From: <sip:me@{DOMAIN}>;tag=1",
        f"To: <{URI}>",
        "Call-ID: c",
        f"CSeq: 1 {method}",
        *[f"{name}: {value}" for value in authorization],
        "",
        "",
    ]
    message = parse_message("\r\n".join(lines).encode())
    assert isinstance(message, Request)
    return message


class Door:
    """A doorman, and what it tells."""

    def __init__(
        self,
        *,
        accounts: Sequence[Account] = (ACCOUNT,),
        carriers: Sequence[Carrier] = (),
        counts: NonceCounts | None = None,
        edge: str = "",
        issuers: SlowIssuers | None = None,
    ) -> None:
        self.clock = FakeClock()
        self.log = DoorLog()
        self.doorman = Doorman(
            Challenger(DOMAIN, b"a key of sixteen bytes", self.clock, counts=counts, edge=edge),
            Directory(Snapshot(tuple(accounts), table(), tuple(carriers), ())),
            self.clock,
            events=self.log,
            issuers=issuers,
        )

    def admit(self, message: Request, host: str = HOME) -> Caller | Response:
        return self.doorman.admit(message, FakeFlow(remote=Address(host, 5060)))

    def challenged(self, method: str = "INVITE", host: str = ELSEWHERE) -> list[str]:
        response = self.admit(request(method), host)
        assert isinstance(response, Response)
        assert response.status == (401 if method == "REGISTER" else 407)
        return response.headers.all("www-authenticate" if method == "REGISTER" else "proxy-authenticate")

    def answer(
        self,
        key: str = KEY,
        secret: str = SECRET,
        *,
        method: str = "INVITE",
        uri: str = URI,
        host: str = HOME,
    ) -> Request:
        """To a challenge that `host` got."""
        value = answer_challenge(self.challenged(method, host), method, uri, key, secret, "cnonce")
        assert value is not None
        return request(method, [value])


def status(answer: Caller | Response) -> int:
    assert isinstance(answer, Response)
    return answer.status


@pytest.mark.parametrize("method", ["INVITE", "REGISTER"])
def test_the_right_password_is_the_account(method: str) -> None:
    door = Door()
    assert door.admit(door.answer(method=method)) == Caller(account=ACCOUNT)
    assert len(door.log.right) == 1
    assert door.log.wrong == []


def test_a_wrong_secret_and_an_unknown_key_get_the_same_answers() -> None:
    seen = []
    for key in (KEY, "nobody"):
        door = Door()
        answers = [door.admit(door.answer(key, "wrong")) for _ in range(WRONG_TRIES)]
        assert door.log.wrong == [(HOME, key)] * WRONG_TRIES
        assert isinstance(answers[-1], Response)
        seen.append(([status(one) for one in answers], answers[-1].headers.all("reason")))
    assert seen[0] == seen[1]
    assert seen[0][0] == [407, 407, 403]


def test_wrong_tries_are_counted_for_each_source_and_key_and_a_right_one_clears_them() -> None:
    door = Door()
    bad = {host: door.answer(secret="wrong", host=host) for host in (HOME, ELSEWHERE)}
    for host in (HOME, HOME, ELSEWHERE, ELSEWHERE):
        assert status(door.admit(bad[host], host)) == 407
    assert isinstance(door.admit(door.answer()), Caller)
    assert status(door.admit(bad[HOME])) == 407
    assert status(door.admit(bad[ELSEWHERE], ELSEWHERE)) == 403


def test_what_was_not_challenged_there_is_asked_again_and_says_nothing() -> None:
    """A forged source places no call, and nothing counts against it; right or wrong, the answer is the
    same.
    """
    door = Door()
    for secret in (SECRET, "wrong"):
        overheard = door.answer(secret=secret)
        for _ in range(20):
            response = door.admit(overheard, ELSEWHERE)
            assert isinstance(response, Response)
            assert response.status == 407
            assert all(Challenge.parse(value).stale for value in response.headers.all("proxy-authenticate"))
    assert (door.log.right, door.log.wrong) == ([], [])


def test_another_nodes_nonce_is_right_once_that_node_has_said_so() -> None:
    issuers = SlowIssuers()
    door, elsewhere = Door(counts=NonceCounts(), issuers=issuers), Door(edge="elsewhere")
    for good in (True, False):
        message = elsewhere.answer()
        door.clock.advance(1)
        elsewhere.clock.advance(1)
        caller = door.admit(message)
        assert isinstance(caller, Caller)
        assert caller.account == ACCOUNT
        assert caller.unconfirmed is not None
        answers: list[Caller | Response] = []
        door.doorman.confirm(caller, message, FakeFlow(remote=Address(HOME, 5060)), answers.append)
        assert (len(door.log.right), answers) == (not good, [])
        issuers.answer(good=good)
        assert len(door.log.right) == 1
        (answer,) = answers
        if good:
            assert answer == Caller(account=ACCOUNT)
        else:
            assert isinstance(answer, Response)
            assert answer.status == 407
    alone = Door(counts=NonceCounts()).admit(elsewhere.answer())
    assert alone == Caller(account=ACCOUNT), "where there is nobody to ask"


def test_guessing_at_one_account_from_everywhere_is_slowed_and_keeps_its_own_sources_in() -> None:
    door = Door()
    assert isinstance(door.admit(door.answer()), Caller)
    hosts = [f"198.51.100.{n}" for n in range(GUESSES)]
    for host in hosts:
        door.admit(door.answer(secret="wrong", host=host), host)
    assert len(door.log.wrong) == GUESSES
    for secret in (SECRET, "wrong"):
        assert status(door.admit(door.answer(secret=secret, host=ELSEWHERE), ELSEWHERE)) == 407
    assert len(door.log.wrong) == GUESSES, "nobody was heard"
    assert isinstance(door.admit(door.answer()), Caller), "but those who have signed in"
    assert status(door.admit(door.answer("other", "wrong", host=ELSEWHERE), ELSEWHERE)) == 407
    assert len(door.log.wrong) == GUESSES + 1, "other accounts are not concerned"
    door.clock.advance(GUESSING_S)
    assert isinstance(door.admit(door.answer(host=ELSEWHERE), ELSEWHERE), Caller)


def test_while_an_account_is_guessed_at_who_signed_in_a_day_ago_is_not_heard() -> None:
    door = Door()
    for host in (HOME, ELSEWHERE):
        assert isinstance(door.admit(door.answer(host=host), host), Caller)
    door.clock.advance(SIGNED_IN_S - 1.0)
    assert isinstance(door.admit(door.answer(host=ELSEWHERE), ELSEWHERE), Caller)
    door.clock.advance(1.0)
    for host in [f"198.51.100.{n}" for n in range(GUESSES)]:
        door.admit(door.answer(secret="wrong", host=host), host)
    assert status(door.admit(door.answer())) == 407
    assert isinstance(door.admit(door.answer(host=ELSEWHERE), ELSEWHERE), Caller), "it did so again"


def test_wrong_tries_are_forgotten_after_a_while() -> None:
    door = Door()
    for _ in range(5):
        assert status(door.admit(door.answer(secret="wrong"))) == 407
        door.clock.advance(300.1)


def test_so_many_wrong_tries_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doorman_module, "_REMEMBERED", 3)
    door = Door()
    for n in range(50):
        host = f"192.0.2.{n}"
        door.admit(door.answer(f"nobody{n}", "wrong", host=host), host)
        door.admit(door.answer(host=host), host)
    assert len(door.doorman._tries) == len(door.doorman._guesses) == len(door.doorman._signed_in) == 3


def test_a_stale_nonce_is_said_to_be_stale_and_is_no_wrong_try() -> None:
    door = Door()
    late = door.answer()
    door.clock.advance(3600)
    response = door.admit(late)
    assert isinstance(response, Response)
    assert all(Challenge.parse(value).stale for value in response.headers.all("proxy-authenticate"))
    assert door.log.wrong == []


def test_credentials_for_another_uri_are_wrong() -> None:
    door = Door()
    assert status(door.admit(door.answer(uri=f"sip:1900555@{DOMAIN}"))) == 407
    assert door.log.wrong == [(HOME, KEY)]


def test_what_is_no_digest_of_ours_counts_as_none() -> None:
    door = Door()
    for value in ("Basic Zm9vOmJhcg==", "Digest", 'Digest username="a", realm="elsewhere", nonce="x"'):
        assert status(door.admit(request(authorization=[value]))) == 407
    assert door.log.wrong == []


def test_two_secrets_are_good_while_one_is_being_changed() -> None:
    clock_wall = FakeClock().wall()
    old = replace(credential(secret="old"), expires_at=clock_wall + 60, name="1")
    new = replace(credential(secret="new"), name="2")
    account = Account(KEY, credentials=(old, new))
    door = Door(accounts=(account,))
    for secret, name in (("old", "1"), ("new", "2")):
        assert door.admit(door.answer(secret=secret)) == Caller(account=account, secret=name)
    door.clock.advance(61)
    assert status(door.admit(door.answer(secret="old"))) == 407
    assert isinstance(door.admit(door.answer(secret="new")), Caller)


def test_an_address_of_a_carrier_needs_no_password_for_calls_only() -> None:
    door = Door(carriers=(BY_ADDRESS,))
    assert door.admit(request()) == Caller(carrier=BY_ADDRESS)
    assert status(door.admit(request("REGISTER"))) == 401
    assert status(door.admit(request(), ELSEWHERE)) == 407


def test_behind_a_front_the_true_source_counts() -> None:
    door = Door(carriers=(BY_ADDRESS,))
    front = FakeFlow(remote=Address(ELSEWHERE, 5060))
    assert status(door.doorman.admit(request(), front)) == 407
    through = FrontedFlow(front, Address(HOME, 5060), "UDP")
    assert door.doorman.admit(request(), through) == Caller(carrier=BY_ADDRESS)


def test_credentials_come_before_the_address() -> None:
    door = Door(carriers=(BY_ADDRESS,))
    challenge = door.challenged("REGISTER", HOME)
    right, wrong = (answer_challenge(challenge, "INVITE", URI, KEY, each, "c") for each in (SECRET, "wrong"))
    assert right is not None
    assert wrong is not None
    assert door.admit(request()) == Caller(carrier=BY_ADDRESS)
    assert door.admit(request(authorization=[right])) == Caller(account=ACCOUNT)
    assert status(door.admit(request(authorization=[wrong]))) == 407


def test_a_carrier_may_sign_in_with_an_account_of_its_own() -> None:
    carrier = replace(CARRIER, sources=(), inbound_account=KEY)
    door = Door(carriers=(carrier,))
    assert door.admit(door.answer()) == Caller(carrier=carrier)


def test_a_guest_is_taken_for_a_carrier_from_that_very_address() -> None:
    door = Door()
    credentials = door.answer(host=ELSEWHERE)
    door.doorman.expect(Address(ELSEWHERE, 5060), CARRIER)
    assert door.admit(request(), ELSEWHERE) == Caller(carrier=CARRIER)
    assert status(door.admit(request(), HOME)) == 407
    assert status(door.admit(request("REGISTER"), ELSEWHERE)) == 401
    assert door.admit(credentials, ELSEWHERE) == Caller(account=ACCOUNT), "credentials come first"
    door.doorman.dismiss(Address(ELSEWHERE, 5060))
    assert status(door.admit(request(), ELSEWHERE)) == 407
    door.doorman.dismiss(Address(ELSEWHERE, 5060))


def test_who_asks_to_register_without_credentials_is_told() -> None:
    door = Door()
    door.challenged("INVITE")
    assert door.log.without == []
    door.challenged("REGISTER", HOME)
    [(host, username)] = door.log.without
    assert (host, username) == (HOME, request("REGISTER").to.uri.user)
    answer = door.answer(method="REGISTER")
    door.log.without.clear()
    assert isinstance(door.admit(answer), Caller)
    assert door.log.without == []


def test_credentials_for_another_realm_are_told_and_challenged_again() -> None:
    door = Door()
    answer = door.answer().headers.all("proxy-authorization")[0]
    stray = answer.replace(f'realm="{DOMAIN}"', 'realm="asterisk"')
    response = door.admit(request("INVITE", ["Basic abc", stray]), ELSEWHERE)
    assert isinstance(response, Response)
    assert response.status == 407
    assert (door.log.stray, door.log.wrong) == ([(ELSEWHERE, KEY, "asterisk")], [])
    door.admit(request("INVITE", [stray, answer]), ELSEWHERE)
    assert len(door.log.stray) == 1, "one for us was there too"
