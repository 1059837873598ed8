"""A PostgreSQL server, looked at."""

import time
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from tests.postgres import Cluster
from trunkline.store import server_check
from trunkline.store.database import Database
from trunkline.store.server_check import check_server


@pytest.fixture
def database(postgresql_url: str) -> Iterator[Database]:
    database = Database(postgresql_url)
    yield database
    database.close()


def test_a_server_that_is_fit(database: Database) -> None:
    state = check_server(database)
    assert int(state.version.split(".")[0]) >= server_check.MIN_VERSION
    assert state.answers_s > 0
    assert [complaint for complaint in state.complaints if "to answer" not in complaint.found] == []


def test_an_old_server(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_check, "MIN_VERSION", 99)
    complaint = check_server(database).complaints[0]
    assert complaint.fault
    assert "is too old" in complaint.found


def test_missing_rights_are_named(cluster: Cluster, database: Database, postgresql_url: str) -> None:
    name = str(database.engine.url.database)
    cluster.execute("CREATE ROLE reader LOGIN")
    cluster.execute("GRANT ALL ON ALL TABLES IN SCHEMA public TO reader", name)
    cluster.execute("REVOKE DELETE ON route, ban FROM reader", name)
    limited = Database(postgresql_url.replace("trunkline@", "reader@"))
    (complaint,) = [item for item in check_server(limited).complaints if item.fault]
    assert complaint.found == "reader may not change ban, route"
    assert 'TO "reader"' in complaint.remedy
    limited.close()
    cluster.execute("DROP OWNED BY reader", name)
    cluster.execute("DROP ROLE reader")


def test_a_replica_can_only_be_read(postgresql_url: str) -> None:
    database = Database(f"{postgresql_url}&options=-c%20default_transaction_read_only%3Don")
    (complaint,) = [item for item in check_server(database).complaints if item.fault]
    assert "can only be read" in complaint.found
    database.close()


def test_clocks_that_differ(database: Database) -> None:
    complaints = check_server(database, lambda: time.time() + 60).complaints
    assert any("60 s behind this machine's" in complaint.found for complaint in complaints)


def test_a_long_way(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_check, "_SLOW_S", 0.0)
    assert any("ms to answer" in complaint.found for complaint in check_server(database).complaints)


def test_loopback_needs_no_encryption(cluster: Cluster, database: Database) -> None:
    over_tcp = Database(cluster.url(str(sa.make_url(database.engine.url).database), tcp=True))
    assert not any("in clear" in complaint.found for complaint in check_server(over_tcp).complaints)
    over_tcp.close()
