"""The thread that polls. Nothing here waits for time to pass: the interval is an hour."""

import threading
from pathlib import Path

import pytest

from trunkline.store.database import Database
from trunkline.store.directory_source import DirectorySource, Update
from trunkline.store.directory_watcher import DirectoryWatcher
from trunkline.store.keys import Keyring
from trunkline.store.store import Store
from trunkline.trunk.account import Account

HOUR = 3600.0


@pytest.fixture
def source(store: Store, tmp_path: Path) -> DirectorySource:
    source = DirectorySource(store.database, store.keyring, tmp_path / "directory.json")
    source.load()
    return source


def test_a_refresh_delivers_before_it_returns(store: Store, source: DirectorySource) -> None:
    delivered: list[Update] = []
    watcher = DirectoryWatcher(source, delivered.append, HOUR)
    watcher.start()
    assert watcher.refresh()
    assert delivered == []
    store.accounts.add(Account("a"))
    assert watcher.refresh()
    assert len(delivered) == 1
    assert watcher.close()


def test_a_poke_delivers_soon(store: Store, source: DirectorySource) -> None:
    arrived = threading.Event()
    watcher = DirectoryWatcher(source, lambda _update: arrived.set(), HOUR)
    watcher.start()
    store.accounts.add(Account("a"))
    watcher.poke()
    assert arrived.wait(10)
    assert watcher.close()


def test_it_polls_by_itself(store: Store, source: DirectorySource) -> None:
    arrived = threading.Event()
    watcher = DirectoryWatcher(source, lambda _update: arrived.set(), 0.001)
    watcher.start()
    store.accounts.add(Account("a"))
    assert arrived.wait(10)
    assert watcher.close()


def test_a_fault_in_the_receiver_does_not_end_it(
    store: Store, source: DirectorySource, caplog: pytest.LogCaptureFixture
) -> None:
    delivered: list[Update] = []

    def receive(update: Update) -> None:
        delivered.append(update)
        if len(delivered) == 1:
            raise RuntimeError("mine")

    watcher = DirectoryWatcher(source, receive, HOUR)
    watcher.start()
    for key in ("a", "b"):
        store.accounts.add(Account(key))
        assert watcher.refresh()
    assert len(delivered) == 2
    assert "could not be brought up to date" in caplog.text
    assert watcher.close()


def test_closing_frees_who_waits(source: DirectorySource) -> None:
    watcher = DirectoryWatcher(source, lambda _update: None, HOUR)
    assert not watcher.refresh(timeout_s=0)
    watcher.start()
    assert watcher.close()
    assert watcher.refresh()


def test_closing_what_never_began(source: DirectorySource) -> None:
    assert DirectoryWatcher(source, lambda _update: None, HOUR).close()


def test_a_database_that_tells_is_not_waited_for(
    postgresql_url: str, keyring: Keyring, tmp_path: Path
) -> None:
    """Another node's change, an hour before the next look at the database."""
    ours, theirs = Database(postgresql_url), Database(postgresql_url)
    source = DirectorySource(ours, keyring, tmp_path / "directory.json")
    source.load()
    arrived = threading.Event()
    watcher = DirectoryWatcher(source, lambda _update: arrived.set(), HOUR, database=ours)
    watcher.start()
    Store(theirs, keyring, "sip.example.net").accounts.add(Account("a"))
    assert arrived.wait(30)
    assert watcher.close()
    ours.close()
    theirs.close()
