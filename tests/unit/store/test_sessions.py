"""Sessions and tokens."""

from pathlib import Path

import pytest

from tests.unit.store.plans import explained
from tests.unit.virtual_clock import FakeClock
from trunkline.store.database import Database
from trunkline.store.errors import InUseError, NotFoundError, StoreError
from trunkline.store.sessions import MAX_SESSIONS, SessionKind, Sessions, session_id
from trunkline.store.store import Store
from trunkline.store.users import Role, User
from trunkline.trunk.account import Account


@pytest.fixture
def sessions(store: Store, database: Database, clock: FakeClock) -> Sessions:
    store.accounts.add(Account("acme"))
    return Sessions(database, clock.wall)


def opened(
    sessions: Sessions, lifetime_s: float | None = 60.0, kind: SessionKind = SessionKind.BROWSER
) -> str:
    token, _ = sessions.open(
        role=Role.CUSTOMER, user=None, account="acme", kind=kind, label="Firefox", lifetime_s=lifetime_s
    )
    return token


def test_only_the_hash_of_a_token_is_kept(sessions: Sessions, database: Database, file: Path) -> None:
    token = opened(sessions)
    found = sessions.find(token)
    assert found is not None
    assert (found.id, found.name, found.label) == (session_id(token), "acme", "Firefox")
    database.close()
    assert token.encode() not in b"".join(path.read_bytes() for path in file.parent.glob("trunkline.db*"))


def test_a_session_ends_when_its_time_is_over(sessions: Sessions, clock: FakeClock) -> None:
    token = opened(sessions, 60.0)
    for_ever = opened(sessions, None, SessionKind.TOKEN)
    clock.advance(59.0)
    assert sessions.find(token) is not None
    clock.advance(1.0)
    assert sessions.find(token) is None
    assert [session.id for session in sessions.list()] == [session_id(for_ever)]


def test_a_revoked_session_signs_nobody_in(sessions: Sessions) -> None:
    token = opened(sessions)
    sessions.revoke(session_id(token))
    assert sessions.find(token) is None
    with pytest.raises(NotFoundError, match="session"):
        sessions.revoke(session_id(token))


def test_an_unknown_token_signs_nobody_in(sessions: Sessions) -> None:
    assert sessions.find("unknown") is None


def test_being_seen_is_written_now_and_then(sessions: Sessions, clock: FakeClock) -> None:
    token = opened(sessions, 600.0)
    opened_at = clock.wall()
    clock.advance(59.0)
    sessions.find(token)
    assert sessions.list(account="acme")[0].seen_at == opened_at
    clock.advance(1.0)
    sessions.find(token)
    assert sessions.list(account="acme")[0].seen_at == opened_at + 60.0


def test_the_oldest_browser_makes_room_and_tokens_stay(sessions: Sessions, clock: FakeClock) -> None:
    program = opened(sessions, None, SessionKind.TOKEN)
    first = opened(sessions)
    for _ in range(MAX_SESSIONS):
        clock.advance(0.001)
        last = opened(sessions)
    assert sessions.find(first) is None
    assert sessions.find(program) is not None
    assert sessions.find(last) is not None
    assert len(sessions.list(account="acme")) == MAX_SESSIONS + 1


def test_sessions_go_with_their_account(sessions: Sessions, store: Store) -> None:
    token = opened(sessions)
    store.accounts.remove("acme")
    assert sessions.find(token) is None


def test_tokens_are_bounded(sessions: Sessions) -> None:
    for _ in range(MAX_SESSIONS):
        opened(sessions, None, SessionKind.TOKEN)
    with pytest.raises(InUseError, match="50 tokens already; revoke one first"):
        opened(sessions, None, SessionKind.TOKEN)
    opened(sessions)


def test_the_accounts_browsers_make_no_room_of_its_users(sessions: Sessions, store: Store) -> None:
    store.users.add(User("ann@example.net", Role.CUSTOMER, "acme"), "a long password")
    token, _ = sessions.open(role=Role.CUSTOMER, user="ann@example.net", account="acme", lifetime_s=60.0)
    for _ in range(MAX_SESSIONS + 1):
        opened(sessions)
    assert sessions.find(token) is not None


def test_every_session_is_on_one_page(sessions: Sessions, clock: FakeClock) -> None:
    """Those opened at the same moment too."""
    tokens = [opened(sessions, None, SessionKind.TOKEN) for _ in range(3)]
    clock.advance(1.0)
    browsers = [opened(sessions) for _ in range(2)]
    seen: list[str] = []
    cursor: str | None = None
    while True:
        page = sessions.page(account="acme", cursor=cursor, limit=2)
        seen += [session.id for session in page.sessions]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == [session.id for session in sessions.list()]
    assert set(seen[:2]) == {session_id(token) for token in browsers}
    only = sessions.page(kind=SessionKind.TOKEN)
    assert {session.id for session in only.sessions} == {session_id(token) for token in tokens}
    with pytest.raises(StoreError, match="not a cursor"):
        sessions.page(cursor="x")


def test_one_session(sessions: Sessions, clock: FakeClock) -> None:
    token = opened(sessions, 60.0)
    assert sessions.get(session_id(token)).account == "acme"
    clock.advance(60.0)
    with pytest.raises(NotFoundError):
        sessions.get(session_id(token))


def test_an_index_leads_to_the_newest(database: Database, sessions: Sessions) -> None:
    plan = explained(database, lambda: sessions.page(limit=50))
    assert "ix_web_session_created_at" in plan
    assert "TEMP B-TREE" not in plan
