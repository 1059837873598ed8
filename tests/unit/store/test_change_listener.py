"""Being woken by a real server. What is waited for has half a minute; nothing is measured."""

import threading
from collections.abc import Iterator

import pytest

from tests.interop.addresses import wait_for
from tests.postgres import Cluster
from trunkline.store import change_listener
from trunkline.store.change_listener import ChangeListener
from trunkline.store.database import Database
from trunkline.store.store import Store
from trunkline.trunk.account import Account

PATIENCE_S = 30.0


class Wakes:
    """Counts them."""

    def __init__(self) -> None:
        self.count = 0
        self._condition = threading.Condition()

    def __call__(self) -> None:
        with self._condition:
            self.count += 1
            self._condition.notify_all()

    def more_than(self, count: int) -> bool:
        """Wait until there were."""
        with self._condition:
            return self._condition.wait_for(lambda: self.count > count, PATIENCE_S)


@pytest.fixture
def wakes() -> Wakes:
    return Wakes()


@pytest.fixture
def database(postgresql_url: str) -> Iterator[Database]:
    database = Database(postgresql_url)
    yield database
    database.close()


@pytest.fixture
def listener(database: Database, wakes: Wakes, monkeypatch: pytest.MonkeyPatch) -> Iterator[ChangeListener]:
    monkeypatch.setattr(change_listener, "_AGAIN_S", 0.05)
    monkeypatch.setattr(change_listener, "_QUIET_S", 0.1)
    listener = ChangeListener(database, wakes)
    listener.start()
    assert listener.listening.wait(PATIENCE_S)
    assert wakes.more_than(0), "once at the start, for what was noted before"
    yield listener
    assert listener.close()


def sessions(cluster: Cluster, database: Database) -> str:
    """A condition for the listening session in pg_stat_activity."""
    return f"datname = '{database.engine.url.database}' AND query LIKE 'LISTEN%'"


def test_a_change_wakes(store: Store, listener: ChangeListener, wakes: Wakes) -> None:
    before = wakes.count
    store.accounts.add(Account("acme"))
    assert wakes.more_than(before)


def test_what_is_rolled_back_wakes_nobody(store: Store, listener: ChangeListener, wakes: Wakes) -> None:
    store.accounts.add(Account("acme"))
    assert wakes.more_than(1)
    with pytest.raises(Exception, match="acme"):
        store.accounts.add(Account("acme"))
    store.accounts.add(Account("other"))
    assert wakes.more_than(2)
    assert wakes.count == 3


@pytest.mark.parametrize("payload", ["", "'; DROP TABLE account; --", "\U0001f4a3" * 1999, "\x01\x7f"])
def test_what_is_sent_means_nothing(
    cluster: Cluster, database: Database, listener: ChangeListener, wakes: Wakes, payload: str
) -> None:
    before = wakes.count
    quoted = payload.replace("'", "''")
    cluster.execute(f"NOTIFY trunkline_change, '{quoted}'", str(database.engine.url.database))
    assert wakes.more_than(before)
    assert listener.listening.is_set()


def test_a_flood_wakes_seldom(
    cluster: Cluster, database: Database, listener: ChangeListener, wakes: Wakes
) -> None:
    before = wakes.count
    flood = "SELECT pg_notify('trunkline_change', n::text) FROM generate_series(1, 20000) AS n"
    cluster.execute(flood, str(database.engine.url.database))
    assert wakes.more_than(before)
    cluster.execute("NOTIFY trunkline_change, 'last'", str(database.engine.url.database))
    assert wakes.more_than(before + 1)
    assert wakes.count < before + 1000


def test_a_lost_connection_is_made_again(
    cluster: Cluster,
    store: Store,
    database: Database,
    listener: ChangeListener,
    wakes: Wakes,
    caplog: pytest.LogCaptureFixture,
) -> None:
    before = wakes.count
    cluster.execute(
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {sessions(cluster, database)}"
    )
    assert wakes.more_than(before), "for what was noted in between"
    before = wakes.count
    store.accounts.add(Account("acme"))
    assert wakes.more_than(before)
    [said] = [record.getMessage() for record in caplog.records if "no longer tells" in record.getMessage()]
    assert "\n" not in said


def test_a_quiet_connection_is_looked_after(
    cluster: Cluster, database: Database, listener: ChangeListener
) -> None:
    name = database.engine.url.database
    asked = f"SELECT 1 FROM pg_stat_activity WHERE datname = '{name}' AND query = 'SELECT 1'"
    wait_for("a question to the server", lambda: cluster.execute(asked), within_s=PATIENCE_S)


def test_closing_what_never_began(database: Database, wakes: Wakes) -> None:
    assert ChangeListener(database, wakes).close()
