"""Whether a PostgreSQL server is fit for this program, for `trunkline doctor`: its version, what the user may
do there, how far away it is, and whether its clock and ours agree.
"""

import time
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trunkline.store.database import Database
from trunkline.store.schema import METADATA

MIN_VERSION: Final = 13
"""The oldest major version that has every statement used here and was still maintained in 2025
(https://www.postgresql.org/support/versioning/)."""
_SLOW_S: Final = 0.05
"""A page of the dashboard asks a dozen times."""
_CLOCK_S: Final = 2.0
_RIGHTS: Final = ("SELECT", "INSERT", "UPDATE", "DELETE")


class Complaint(NamedTuple):
    """Something that is wrong, or could be."""

    fault: bool
    """It does not work like that; False: it is worth a look."""
    found: str
    remedy: str


class ServerState(NamedTuple):
    """What was found."""

    version: str
    answers_s: float
    """From a question to its answer."""
    complaints: list[Complaint]


def check_server(database: Database, wall: Callable[[], float] = time.time) -> ServerState:
    """Look at the server of a PostgreSQL `database`. Raises `DatabaseError`."""
    with database.read() as connection:
        number = int(_ask(connection, "SHOW server_version_num"))
        begin = time.perf_counter()
        _ask(connection, "SELECT 1")
        answers_s = time.perf_counter() - begin
        theirs = float(_ask(connection, "SELECT extract(epoch FROM clock_timestamp())"))
        off_s = theirs - wall()
        complaints = [
            *_version(number // 10_000),
            *_rights(connection),
            *_way(connection, answers_s),
            *_clock(off_s),
        ]
        return ServerState(_ask(connection, "SHOW server_version"), answers_s, complaints)


def _version(major: int) -> Iterator[Complaint]:
    if major < MIN_VERSION:
        yield Complaint(True, f"PostgreSQL {major} is too old", f"Use version {MIN_VERSION} or newer.")


def _rights(connection: Connection) -> Iterator[Complaint]:
    user = _ask(connection, "SELECT current_user")
    if _ask(connection, "SHOW default_transaction_read_only") == "on" or _ask(
        connection, "SELECT pg_is_in_recovery()"
    ):
        yield Complaint(True, "can only be read", "Name the primary server in database.url, not a replica.")
    wanting = [table.name for table in METADATA.sorted_tables if not _may_change(connection, table.name)]
    if wanting:
        yield Complaint(
            True,
            f"{user} may not change {', '.join(wanting)}",
            f'GRANT {", ".join(_RIGHTS)} ON ALL TABLES IN SCHEMA public TO "{user}";',
        )


def _may_change(connection: Connection, table: str) -> bool:
    right = sa.func.has_table_privilege(sa.literal(f'"{table}"'), sa.bindparam("right"))
    return all(connection.execute(sa.select(right), {"right": name}).scalar_one() for name in _RIGHTS)


def _way(connection: Connection, answers_s: float) -> Iterator[Complaint]:
    clear = (
        "SELECT NOT ssl AND client_addr IS NOT NULL AND NOT client_addr <<= '127.0.0.0/8' "
        "AND client_addr <> '::1' FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) "
        "WHERE pid = pg_backend_pid()"
    )
    if _ask(connection, clear):
        yield Complaint(
            False,
            "is spoken to in clear over the network",
            "Add ?sslmode=verify-full&sslrootcert=FILE to database.url.",
        )
    if answers_s > _SLOW_S:
        yield Complaint(
            False, f"takes {answers_s * 1000:.0f} ms to answer", "Put it nearer: the dashboard will be slow."
        )


def _clock(off_s: float) -> Iterator[Complaint]:
    if abs(off_s) > _CLOCK_S:
        yield Complaint(
            False,
            f"its clock is {abs(off_s):.0f} s {'ahead of' if off_s > 0 else 'behind'} this machine's",
            "Run an NTP client on both.",
        )


def _ask(connection: Connection, statement: str) -> str:
    """The one value that a statement gives; typed as most of them are."""
    value: str = connection.exec_driver_sql(statement).scalar_one()
    return value
