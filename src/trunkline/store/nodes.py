"""The nodes on one database: each enters itself, says every second that it lives, and is told here whether to
take calls.

Moments are by the database's clock, for nodes may disagree about the time; how far each is off is noted.

- A name belongs to the process that entered it last. Another installation (`identity`) may enter it only
  when its holder has stopped or is lost; the same installation at once, for it is a restart.
- A node that said nothing for its own `lost_after_s` is lost. `close_lost` declares it so and closes what it
  left open (`recovery`), in one transaction that only one survivor can win.
- A lost node that speaks again is up again: `beat` tells it so, and it writes what it knows better.
- A drained node takes no new calls until it is let back, restarts included.

Blocks. Who drives it: `heartbeat`, the command line, the web process.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.sql.dml import ReturningUpdate

from trunkline.sip.ports import Address
from trunkline.store import schema
from trunkline.store.audit import Trail
from trunkline.store.database import Database, clock_now, clock_of
from trunkline.store.errors import InUseError, NameTakenError, NotFoundError
from trunkline.store.recovery import close_for
from trunkline.store.upsert import upsert

NODE: Final = "node"
"""The kind of a node in the audit trail."""
CLOCK_OFF_S: Final = 2.0
"""A node's clock that is further off than this is complained of."""
_HINT: Final = "trunkline node list shows them"
_REVISION: Final = sa.select(sa.table("alembic_version", sa.column("version_num")))


class Presence(StrEnum):
    """What the table says of a node."""

    UP = "up"
    STOPPED = "stopped"
    LOST = "lost"


class Standing(StrEnum):
    """How a node stands, for people and for the zone."""

    UP = "up"
    DRAINING = "draining"
    """Takes no new calls, and has some."""
    DRAINED = "drained"
    """Takes no new calls, and has none."""
    LOST = "lost"
    STOPPED = "stopped"


class Listening(NamedTuple):
    """Where a node takes SIP, as it advertises it."""

    transport: str
    """`UDP`, `TCP` or `TLS`."""
    host: str
    """An IP address, or a name."""
    port: int

    def __str__(self) -> str:
        return f"{self.transport} {Address(self.host, self.port)}"


class NodeFacts(NamedTuple):
    """What a node says of itself when it enters."""

    name: str
    identity: str
    """Of its installation: the same after a restart."""
    run: str
    """Of this start: that of its records."""
    region: str | None
    weight: int
    listens: tuple[Listening, ...]
    version: str
    revision: str
    """Of the schema that it needs."""
    lost_after_s: float
    """Seconds of silence after which the others take it for lost."""


class Pulse(NamedTuple):
    """What a node says of itself every second."""

    calls: int
    """Under way."""
    load: float
    """Processor seconds used in a second."""
    stopping: bool
    """It ends with its last call."""


class Heard(NamedTuple):
    """What a node is told in return."""

    drained: bool
    """It is to take no new calls."""
    was_lost: bool
    """The others took it for lost, and closed what it had open."""
    replaced: bool
    """Another process has its name now."""
    forgotten: bool
    """It has to enter again."""
    clock_off_s: float
    """Seconds by which its clock is ahead of the database's."""
    revision: str
    """Of the schema that the database has."""


@dataclass(frozen=True, slots=True)
class Node:
    """One node, as the table has it."""

    name: str
    region: str | None
    weight: int
    listens: tuple[Listening, ...]
    version: str
    revision: str
    started_at: float
    seen_at: float
    silent_s: float
    """Since it was last heard of."""
    lost_after_s: float
    clock_off_s: float
    calls: int
    load: float
    stopping: bool
    presence: Presence
    drained_at: float | None
    closed_by: str | None
    """Who closed what it had left open; None: nobody had to."""

    @property
    def standing(self) -> Standing:
        """How it stands now."""
        if self.presence is Presence.STOPPED:
            return Standing.STOPPED
        if self.presence is Presence.LOST or self.silent_s > self.lost_after_s:
            return Standing.LOST
        if self.stopping or self.drained_at is not None:
            return Standing.DRAINING if self.calls else Standing.DRAINED
        return Standing.UP

    @property
    def serves(self) -> bool:
        """Whether clients are to be led to it."""
        return self.standing is Standing.UP

    def problems(self, revision: str) -> tuple[str, ...]:
        """What is wrong with it, each a sentence; `revision` is that of the database's schema."""
        said = []
        if self.standing is Standing.LOST:
            said.append(f"Node {self.name} is lost: it was last heard of {self.silent_s:.0f} s ago.")
        elif self.standing is not Standing.STOPPED:
            said += node_problems(self.name, self.clock_off_s, self.revision, revision)
        return tuple(said)


def node_problems(name: str, clock_off_s: float, needed: str, present: str) -> tuple[str, ...]:
    """What is wrong with a node that lives: its clock, and the schema that it `needed` against the one
    `present`.
    """
    said = []
    if abs(clock_off_s) > CLOCK_OFF_S:
        way = "ahead of" if clock_off_s > 0 else "behind"
        said.append(
            f"The clock of node {name} is {abs(clock_off_s):.0f} s {way} the database's: set both by NTP."
        )
    if needed != present:
        said.append(f"Node {name} needs schema {needed}, the database has {present}: upgrade the older one.")
    return tuple(said)


_TABLE: Final = schema.node
_IT: Final = sa.and_(_TABLE.c.name == sa.bindparam("its_name"), _TABLE.c.run == sa.bindparam("its_run"))
_IS_UP: Final = _TABLE.c.presence == Presence.UP.value
_UP_AGAIN: Final = _TABLE.update().where(_IT).values(presence=Presence.UP.value, closed_by=None)


class Nodes:
    """The nodes of `database`."""

    def __init__(self, database: Database, trail: Trail | None = None) -> None:
        self._database = database
        self._trail = trail or Trail()
        clock = clock_of(database.dialect)
        self._beat = _beat(clock)
        self._silent = _silent(clock)

    # -- for everybody -----------------------------------------------------------------------------

    def list(self) -> Sequence[Node]:
        """All that ever entered and were not forgotten, by region and name."""
        table = schema.node
        with self._database.read() as connection:
            now = clock_now(connection)
            rows = connection.execute(sa.select(table).order_by(table.c.region, table.c.name)).mappings()
            return [_node(row, now) for row in rows]

    def revision(self) -> str:
        """Of the schema that the database has."""
        with self._database.read() as connection:
            return _revision(connection)

    def drain(self, name: str) -> None:
        """Have it take no new calls until `let_back`. Raises `NotFoundError`."""
        self._order(name, "drain")

    def let_back(self, name: str) -> None:
        """Have it take calls again. Raises `NotFoundError`."""
        self._order(name, "return")

    def forget(self, name: str) -> None:
        """Remove one that is gone for good. Raises `NotFoundError`, `InUseError` while it lives."""
        table = schema.node
        with self._database.write() as connection:
            node = _find(connection, name)
            if node.standing not in (Standing.LOST, Standing.STOPPED):
                raise InUseError(f"node {name} is running: stop it first")
            connection.execute(table.delete().where(table.c.name == name))
            self._trail.told(connection, NODE, name, "forget")

    def _order(self, name: str, action: str) -> None:
        table = schema.node
        with self._database.write() as connection:
            before = _find(connection, name).drained_at is not None
            after = action == "drain"
            if before != after:
                drained_at = clock_now(connection) if after else None
                connection.execute(table.update().where(table.c.name == name).values(drained_at=drained_at))
                self._trail.told(
                    connection, NODE, name, action, before={"drained": before}, after={"drained": after}
                )

    # -- for the nodes themselves ------------------------------------------------------------------

    def enter(self, facts: NodeFacts) -> bool:
        """Take the name; whether the node is to take no new calls. Raises `NameTakenError` while another
        installation runs under it.
        """
        with self._database.write() as connection:
            now = clock_now(connection)
            row = _row(connection, facts.name, locked=True)
            if row is not None and row["identity"] != facts.identity:
                holder = _node(row, now)
                if holder.standing not in (Standing.LOST, Standing.STOPPED):
                    raise NameTakenError(_taken(holder))
            values = {
                **facts._asdict(),
                "listens": [list(each) for each in facts.listens],
                "started_at": now,
                "seen_at": now,
                "clock_off_s": 0.0,
                "calls": 0,
                "load": 0.0,
                "stopping": False,
                "presence": Presence.UP.value,
                "closed_by": None,
            }
            del values["name"]
            upsert(connection, schema.node, {"name": facts.name}, values)
            return row is not None and row["drained_at"] is not None

    def beat(self, name: str, run: str, pulse: Pulse, wall: float) -> Heard:
        """Say that it lives; `wall` is the time by its own clock.

        It waits for nobody but who declares this very node lost: nodes that are far from the database take
        half a second for it, and would have all others wait that long each second.
        """
        me = {"its_name": name, "its_run": run}
        with self._database.write(alone=False) as connection:
            heard = connection.execute(self._beat, {**me, "wall": wall, **pulse._asdict()}).one_or_none()
            if heard is None:
                gone = _row(connection, name, locked=False) is None
                return Heard(
                    False, False, not gone, gone, wall - clock_now(connection), _revision(connection)
                )
            drained_at, presence, clock_off_s, revision = heard
            was_lost = presence == Presence.LOST
            if was_lost:
                connection.execute(_UP_AGAIN, me)
            return Heard(drained_at is not None, was_lost, False, False, clock_off_s, str(revision))

    def leave(self, name: str, run: str) -> None:
        """It has stopped."""
        table = schema.node
        with self._database.write() as connection:
            connection.execute(
                table.update()
                .where(table.c.name == name, table.c.run == run)
                .values(
                    presence=Presence.STOPPED.value,
                    seen_at=clock_now(connection),
                    calls=0,
                    load=0.0,
                    stopping=False,
                )
            )

    def close_lost(self, by: str) -> dict[str, int]:
        """Declare nodes lost that have been silent for too long, and close what they left open, in the name
        of the node `by`; how many calls that were, by node. A node that another survivor declares is left to
        it.
        """
        table = schema.node
        with self._database.read() as connection:
            silent = connection.execute(self._silent, {"by": by}).all()
        closed: dict[str, int] = {}
        if not silent:
            return closed
        with self._database.write() as connection:
            for name, seen_at in silent:
                claim = connection.execute(
                    table.update()
                    .where(table.c.name == name, _IS_UP, table.c.seen_at == seen_at)
                    .values(presence=Presence.LOST.value, closed_by=by, calls=0)
                )
                if claim.rowcount:
                    closed[name] = close_for(connection, name, by)
        return closed


def _taken(holder: Node) -> str:
    where = ", ".join(dict.fromkeys(each.host for each in holder.listens)) or "an unknown address"
    return (
        f"another node runs under the name {holder.name!r} ({where}, heard of {holder.silent_s:.0f} s ago): "
        "give one of the two another node.name; if that one is gone, this one may start "
        f"{holder.lost_after_s:g} s after its end"
    )


def _beat(clock: sa.ColumnElement[float]) -> ReturningUpdate[Any]:
    """What a node says every second, and what it hears."""
    table = schema.node
    said = (
        table.update()
        .where(_IT)
        .values(
            seen_at=clock,
            clock_off_s=sa.bindparam("wall", type_=sa.Float()) - clock,
            **{field: sa.bindparam(field) for field in Pulse._fields},
        )
    )
    return said.returning(
        table.c.drained_at, table.c.presence, table.c.clock_off_s, _REVISION.scalar_subquery()
    )


def _silent(clock: sa.ColumnElement[float]) -> sa.Select[Any]:
    """The others that say nothing, and since when."""
    table = schema.node
    return sa.select(table.c.name, table.c.seen_at).where(
        _IS_UP, table.c.name != sa.bindparam("by"), table.c.seen_at + table.c.lost_after_s < clock
    )


def _revision(connection: Connection) -> str:
    return str(connection.execute(_REVISION).scalar())


def _row(connection: Connection, name: str, *, locked: bool) -> sa.RowMapping | None:
    query = sa.select(schema.node).where(schema.node.c.name == name)
    return connection.execute(query.with_for_update() if locked else query).mappings().one_or_none()


def _find(connection: Connection, name: str) -> Node:
    row = _row(connection, name, locked=True)
    if row is None:
        raise NotFoundError(NODE, name, _HINT)
    return _node(row, clock_now(connection))


def _node(row: sa.RowMapping, now: float) -> Node:
    values: dict[str, Any] = dict(row)
    del values["identity"], values["run"]
    values["listens"] = tuple(Listening(*each) for each in values["listens"])
    values["presence"] = Presence(values["presence"])
    return Node(**values, silent_s=max(0.0, now - values["seen_at"]))
