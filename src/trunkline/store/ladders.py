"""The index of SIP ladders: in which part of which file the messages of a call are. The messages are not
here.
"""

from collections.abc import Sequence
from typing import NamedTuple

import sqlalchemy as sa

from trunkline.store import schema
from trunkline.store.database import Database


class LadderPart(NamedTuple):
    """Some messages of a call; the columns of `schema.ladder`."""

    call_id: str
    file: str
    """A name within the ladder folder of `node`."""
    offset: int
    length: int
    """Both in bytes."""
    node: str
    kept_at: float
    """Wall-clock second at which it was written."""


class Ladders:
    """The ladder index of `database`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, parts: Sequence[LadderPart]) -> None:
        """Note one or more parts."""
        with self._database.write() as connection:
            connection.execute(schema.ladder.insert(), [part._asdict() for part in parts])

    def find(self, call_id: str) -> Sequence[LadderPart]:
        """The parts of a call, oldest first; empty when nothing was kept, or no longer is."""
        table = schema.ladder.c
        with self._database.read() as connection:
            rows = connection.execute(
                sa.select(schema.ladder).where(table.call_id == call_id).order_by(table.kept_at, table.offset)
            )
            return [LadderPart(*row) for row in rows]

    def forget_file(self, node: str, file: str) -> int:
        """Forget the parts in a file that was deleted; return how many."""
        table = schema.ladder
        with self._database.write() as connection:
            return connection.execute(
                table.delete().where(table.c.node == node, table.c.file == file)
            ).rowcount
