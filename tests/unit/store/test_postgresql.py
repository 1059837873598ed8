"""What is particular about a connection to PostgreSQL."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from tests.postgres import Cluster
from trunkline.store.database import Database
from trunkline.store.errors import DatabaseError


@pytest.fixture
def database(postgresql_url: str) -> Iterator[Database]:
    database = Database(postgresql_url, answer_s=60)
    yield database
    database.close()


@pytest.fixture
def impatient(postgresql_url: str) -> Iterator[Database]:
    """Waits a moment, and no more: good for nothing but failing on a busy machine."""
    database = Database(postgresql_url.replace("connect_timeout=60", "connect_timeout=2"), answer_s=0.2)
    yield database
    database.close()


def ask(database: Database, statement: str = "SELECT 1", **values: object) -> object:
    with database.read() as connection:
        return connection.execute(sa.text(statement), values).scalar()


def test_it_is_set_up(database: Database) -> None:
    assert ask(database, "SHOW statement_timeout") == "1min"
    assert ask(database, "SHOW idle_in_transaction_session_timeout") == "5min"
    with database.write() as connection:
        idle = connection.execute(sa.text("SHOW idle_in_transaction_session_timeout")).scalar()
    assert idle == "10s"
    assert ask(database, "SHOW client_encoding") == "UTF8"
    assert ask(database, "SHOW application_name") == "trunkline"
    assert ask(database, "SHOW transaction_isolation") == "repeatable read"


def test_the_url_may_say_more(postgresql_url: str) -> None:
    database = Database(f"{postgresql_url}&application_name=mine&options=-c%20work_mem%3D1MB", answer_s=None)
    assert ask(database, "SHOW application_name") == "mine"
    assert ask(database, "SHOW work_mem") == "1MB"
    assert ask(database, "SHOW statement_timeout") == "0"
    database.close()


def test_a_statement_that_takes_too_long_is_ended_by_the_server(database: Database) -> None:
    with pytest.raises(DatabaseError, match="statement timeout"):
        ask(database, "SET LOCAL statement_timeout = 50; SELECT pg_sleep(600)")
    assert ask(database) == 1


def test_a_server_that_does_not_keep_its_own_limit_is_left(impatient: Database) -> None:
    """Unless the machine is so busy that the first statement takes too long."""
    with pytest.raises(DatabaseError, match=r"does not answer|timeout"):
        ask(impatient, "SET LOCAL statement_timeout = 0; SELECT pg_sleep(600)")


def test_a_server_that_hangs_is_noticed_and_found_again(
    cluster: Cluster, database: Database, impatient: Database
) -> None:
    assert ask(database) == 1
    cluster.freeze()
    try:
        with pytest.raises(DatabaseError, match="timeout expired"):
            ask(impatient)
    finally:
        cluster.thaw()
    assert ask(database) == 1


def test_a_server_that_could_not_be_written_is_asked_anew(
    cluster: Cluster, postgresql_url: str, database: Database
) -> None:
    """The connection would go on to a replica, or by what the server said when it was made."""
    name = sa.make_url(postgresql_url).database
    create = sa.text("CREATE TABLE x (a TEXT)")
    cluster.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    with pytest.raises(DatabaseError, match="read-only transaction"), database.write() as connection:
        connection.execute(create)
    cluster.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = off")
    with database.write() as connection:
        connection.execute(create)


def test_text_that_is_no_text_is_cleaned(database: Database) -> None:
    assert ask(database, "SELECT CAST(:x AS text)", x="0\udcff1\0 2") == "0\ufffd1\ufffd 2"
    assert ask(database, "SELECT CAST(:x AS text)", x="Zoë") == "Zoë"


@pytest.mark.parametrize("scheme", ["postgresql+psycopg2", "postgresql+asyncpg"])
def test_other_drivers_are_not_taken(scheme: str) -> None:
    with pytest.raises(DatabaseError, match=r"write postgresql\+psycopg://"):
        Database(f"{scheme}://h/d")


def test_the_driver_may_be_left_out(postgresql_url: str) -> None:
    database = Database(postgresql_url.replace("+psycopg", ""))
    assert ask(database) == 1
    database.close()


def test_nobody_there(cluster: Cluster) -> None:
    database = Database("postgresql+psycopg://u:s3cret@127.0.0.1:1/d")
    with pytest.raises(DatabaseError, match="Connection refused") as caught:
        ask(database)
    assert "s3cret" not in str(caught.value)
