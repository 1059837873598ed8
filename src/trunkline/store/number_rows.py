"""All numbers at once, from their rows or from the file straight into a `NumberTable`.

A million of them may be read at every start: a row of the usual shape becomes a record without a dictionary,
a `SipUri` or a `Number` in between (`number_record.Checker`); any other goes the long way, and is left out
when it can't be used.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trunkline.errors import DirectoryError
from trunkline.store import schema
from trunkline.store.errors import DatabaseError
from trunkline.store.loading import ROWS_AT_ONCE
from trunkline.store.rows import number_from
from trunkline.trunk.number_record import Checker, EndpointValues, pack, pack_values, servers_of, values_of
from trunkline.trunk.number_table import NumberTable, Piece

Problem = Callable[[str, str], None]
"""Takes the digits of a number that was left out, and why."""
Pause = Callable[[], None]
"""Called after every `ROWS_AT_ONCE` rows, for a thread that must not keep the event loop from running."""

_FETCHED: Final = 1000
_NUMBER: Final = ("e164", "account", "forwarding", "forwarding_warnings", "ring_timeout_s")
_ENDPOINT: Final = ("uri", "timeout_ms", "media", "text")
_E164: Final = itemgetter(0)


def load_number_table(connection: Connection, problem: Problem, pause: Pause | None = None) -> NumberTable:
    """All numbers of the database that can be used; the others are told to `problem`. Raises `DatabaseError`
    when the database orders digits in a way of its own.
    """
    number, child = schema.number, schema.endpoint
    query = (
        sa.select(*(number.c[name] for name in _NUMBER), *(child.c[name] for name in _ENDPOINT))
        .select_from(number.outerjoin(child, child.c.number == number.c.e164))
        .order_by(number.c.e164, child.c.position)
    )
    rows = connection.execute(query, execution_options={"yield_per": _FETCHED})
    filling = _Filling(problem)
    for e164, group in groupby(_paused(rows, pause), _E164):
        of_one = list(group)
        _, account, text, warnings, ring_timeout_s, uri, *_ = of_one[0]
        endpoints = [] if uri is None else [tuple(row[5:]) for row in of_one]
        try:
            filling.add(e164, account, text, warnings, ring_timeout_s, endpoints)
        except ValueError as error:
            raise DatabaseError(
                f"numbers come out of order ({error}): give the database a collation that isn't numeric, as C"
            ) from error
    return filling.table


def table_of(pieces: Iterable[Piece], pause: Pause | None = None) -> NumberTable:
    """The table whose pieces these are. Raises `ValueError` when they can't be."""
    filling = _Filling(_impossible)
    for e164, record in _paused((entry for piece in pieces for entry in piece.numbers()), pause):
        values = values_of(record)
        filling.add(
            e164, values.account, values.text, values.warnings, values.ring_timeout_s, values.endpoints
        )
    return filling.table


class _Filling:
    """A table that is being filled, in the order of the digits."""

    __slots__ = ("_checker", "_problem", "table")

    def __init__(self, problem: Problem) -> None:
        self._checker = Checker()
        self._problem = problem
        self.table = NumberTable()

    def add(
        self,
        e164: str,
        account: str,
        text: str,
        warnings: Sequence[str],
        ring_timeout_s: float | None,
        endpoints: Sequence[EndpointValues],
    ) -> None:
        try:
            servers = self._checker.servers(e164, account, ring_timeout_s, endpoints)
            record = pack_values(account, ring_timeout_s, text, warnings, endpoints)
        except TypeError:
            servers = record = None
        if servers is not None and record is not None:
            self.table.append(e164, record, servers)
            return
        row = dict(zip(_NUMBER, (e164, account, text, warnings, ring_timeout_s), strict=True))
        try:
            number = number_from(row, [dict(zip(_ENDPOINT, one, strict=True)) for one in endpoints])
            self.table.append(e164, pack(number), servers_of(number))
        except (DirectoryError, TypeError) as error:
            self._problem(e164, str(error))


def _paused(rows: Iterable[Any], pause: Pause | None) -> Iterator[Any]:
    if pause is None:
        yield from rows
        return
    for count, row in enumerate(rows, start=1):
        yield row
        if count % ROWS_AT_ONCE == 0:
            pause()


def _impossible(e164: str, why: str) -> None:
    raise ValueError(f"number {e164}: {why}")
