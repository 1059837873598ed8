"""Telling who asks."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier, Event

import pytest

from tests.unit.virtual_clock import FakeClock
from tests.unit.web.customers import ALPHA, OPERATOR, PASSWORD, office_of
from trunkline.store.audit import Via
from trunkline.store.sessions import SessionKind
from trunkline.store.store import Store
from trunkline.store.users import Role, User
from trunkline.web.errors import NotSignedInError, TooManyAttemptsError
from trunkline.web.sign_in import FAILURE_WINDOW_S, Caller, SignIn, source_key
from trunkline.web.visitors import KNOWN_S, STRANGERS

HERE = Caller(Via.API, "192.0.2.7", "curl")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def store(home: Path) -> Iterator[Store]:
    office = office_of(home, None)
    yield office.store
    office.close()


@pytest.fixture
def door(store: Store, clock: FakeClock) -> SignIn:
    return SignIn(store, failures=3, session_s=60.0, now=clock.now)


def elsewhere(number: int) -> Caller:
    return Caller(Via.API, f"198.51.100.{number}")


def test_a_user(door: SignIn) -> None:
    operator = door.password(HERE, OPERATOR, PASSWORD)
    assert (operator.operator, operator.account, operator.user) == (True, None, OPERATOR)
    customer = door.password(HERE, ALPHA.user.upper(), PASSWORD)
    assert (customer.role, customer.account, customer.user) == (Role.CUSTOMER, "alpha", ALPHA.user)
    assert customer.author.source == "192.0.2.7"


def test_an_account_by_key_and_secret(door: SignIn) -> None:
    account = door.password(HERE, "alpha", ALPHA.secret)
    assert (account.role, account.account, account.user) == (Role.CUSTOMER, "alpha", None)


@pytest.mark.parametrize(
    ("name", "password"),
    [
        (OPERATOR, "wrong"),
        ("alpha", "wrong"),
        ("alpha", "beta-s3cret"),
        ("nobody", PASSWORD),
        ("", ""),
        ("x" * 70000, "y" * 70000),
    ],
)
def test_wrong_is_wrong_in_the_same_words(door: SignIn, name: str, password: str) -> None:
    with pytest.raises(NotSignedInError, match="the name or the password is wrong"):
        door.password(HERE, name, password)


def test_one_source_can_not_guess_on(door: SignIn, clock: FakeClock) -> None:
    for number in range(3):
        with pytest.raises(NotSignedInError):
            door.password(HERE, f"name{number}", "guess")
    with pytest.raises(TooManyAttemptsError, match="too many wrong passwords"):
        door.password(HERE, "alpha", ALPHA.secret)
    assert door.password(elsewhere(1), "alpha", ALPHA.secret).account == "alpha"
    clock.advance(60.0)
    door.password(HERE, "alpha", ALPHA.secret)


def test_nor_can_many_guess_one_name(door: SignIn) -> None:
    for number in range(3):
        with pytest.raises(NotSignedInError):
            door.password(elsewhere(number), OPERATOR.upper() if number else OPERATOR, "guess")
    with pytest.raises(TooManyAttemptsError):
        door.password(elsewhere(4), OPERATOR, PASSWORD)


def test_who_has_signed_in_here_is_not_locked_out_by_guesses_from_elsewhere(
    door: SignIn, clock: FakeClock
) -> None:
    def guess_on() -> None:
        for number in range(3):
            with pytest.raises(NotSignedInError):
                door.password(elsewhere(number), OPERATOR, "guess")

    door.password(HERE, OPERATOR.upper(), PASSWORD)
    for _ in range(2):
        guess_on()
        door.password(HERE, OPERATOR, PASSWORD)
        with pytest.raises(TooManyAttemptsError):
            door.password(elsewhere(4), OPERATOR, PASSWORD)
        clock.advance(FAILURE_WINDOW_S)
    clock.advance(KNOWN_S)
    guess_on()
    with pytest.raises(TooManyAttemptsError):
        door.password(HERE, OPERATOR, PASSWORD)


def test_nor_is_it_free_to_guess_here(door: SignIn) -> None:
    door.password(HERE, OPERATOR, PASSWORD)
    for _ in range(3):
        with pytest.raises(NotSignedInError):
            door.password(HERE, OPERATOR, "guess")
    with pytest.raises(TooManyAttemptsError):
        door.password(HERE, OPERATOR, PASSWORD)
    assert door.password(elsewhere(1), OPERATOR, PASSWORD).operator


def test_nor_many_guesses_at_a_time(door: SignIn, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []
    as_many_as_may = Barrier(3, timeout=5)

    def verify(name: str, password: str) -> None:
        tried.append(password)
        as_many_as_may.wait()

    monkeypatch.setattr(store.users, "verify", verify)

    def guess(number: int) -> type[Exception]:
        with pytest.raises((NotSignedInError, TooManyAttemptsError)) as caught:
            door.password(elsewhere(number), OPERATOR, f"guess {number}")
        return caught.type

    with ThreadPoolExecutor(8) as pool:
        refusals = list(pool.map(guess, range(8)))
    assert len(tried) == refusals.count(NotSignedInError) == 3


def test_unknown_names_from_many_sources_keep_nobody_away_who_was_there(
    door: SignIn, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    door.password(HERE, OPERATOR, PASSWORD)
    checking, go_on = Barrier(STRANGERS + 1, timeout=5), Event()
    verify = store.users.verify

    def slow(name: str, password: str) -> User | None:
        if name.startswith("nobody"):
            checking.wait()
            assert go_on.wait(5)
        return verify(name, password)

    monkeypatch.setattr(store.users, "verify", slow)

    def guess(number: int) -> None:
        with pytest.raises(NotSignedInError):
            door.password(elsewhere(number), f"nobody{number}", "guess")

    with ThreadPoolExecutor(STRANGERS) as pool:
        guesses = [pool.submit(guess, number) for number in range(STRANGERS)]
        checking.wait()
        try:
            with pytest.raises(TooManyAttemptsError, match="too many sign in at this moment") as caught:
                door.password(elsewhere(99), OPERATOR, PASSWORD)
            assert caught.value.retry_after_s == 1
            assert door.password(HERE, OPERATOR, PASSWORD).operator
            assert door.password(elsewhere(99), "alpha", ALPHA.secret).account == "alpha"
        finally:
            go_on.set()
        for one in guesses:
            one.result()
    assert door.password(elsewhere(100), OPERATOR, PASSWORD).operator, "once there is room"


def test_right_ones_at_a_time_are_not_held_up(door: SignIn) -> None:
    def ask(number: int) -> str:
        return door.password(elsewhere(number), "alpha", ALPHA.secret).name

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(ask, range(24))) == {"alpha"}


def test_the_names_that_are_counted_are_bounded(door: SignIn) -> None:
    for number in range(3):
        with pytest.raises(NotSignedInError):
            door.password(elsewhere(number), "x" * 70000, "guess")
    assert max(map(len, door._by_name._counts)) == 254


def test_a_browser_is_signed_in_until_its_time_is_over(door: SignIn, store: Store) -> None:
    caller = Caller(Via.DASHBOARD, "192.0.2.7", "Firefox")
    token, principal = door.begin(caller, ALPHA.user, PASSWORD)
    assert principal.session is not None
    assert principal.session.expires_at == principal.session.created_at + 60.0
    assert (principal.session.user, principal.session.label) == (ALPHA.user, "Firefox")
    assert door.token(caller, token, SessionKind.BROWSER) == principal
    store.sessions.revoke(principal.session.id)
    with pytest.raises(NotSignedInError, match="the session has ended"):
        door.token(caller, token, SessionKind.BROWSER)


def test_an_accounts_session_is_no_users(door: SignIn) -> None:
    token, principal = door.begin(HERE, "alpha", ALPHA.secret)
    assert principal.session is not None
    assert principal.session.user is None
    assert door.token(HERE, token, SessionKind.BROWSER).user is None


def test_a_cookie_is_no_token_and_a_token_no_cookie(door: SignIn, store: Store) -> None:
    cookie, _ = door.begin(HERE, "alpha", ALPHA.secret)
    token, _ = store.sessions.open(
        role=Role.CUSTOMER, user=None, account="alpha", kind=SessionKind.TOKEN, lifetime_s=None
    )
    assert door.token(HERE, token, SessionKind.TOKEN).account == "alpha"
    with pytest.raises(NotSignedInError):
        door.token(HERE, cookie, SessionKind.TOKEN)
    with pytest.raises(NotSignedInError):
        door.token(HERE, token, SessionKind.BROWSER)


def test_tokens_are_not_guessed(door: SignIn, store: Store) -> None:
    for guess in ("", "x" * 70000, "guess"):
        with pytest.raises(NotSignedInError):
            door.token(HERE, guess, SessionKind.TOKEN)
    with pytest.raises(TooManyAttemptsError):
        door.token(HERE, "another", SessionKind.TOKEN)


def test_an_old_cookie_is_no_guess(door: SignIn) -> None:
    for _ in range(5):
        with pytest.raises(NotSignedInError):
            door.token(HERE, "ended", SessionKind.BROWSER)


@pytest.mark.parametrize(
    ("source", "key"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2::9", "2001:db8:1:2::"),
        ("", ""),
        ("unix", "unix"),
    ],
)
def test_what_one_machine_can_not_leave(source: str, key: str) -> None:
    assert source_key(source) == key
