"""A node among the others on its database: what it says of itself, and what it does when told something.

The beats are `trunkline.store.heartbeat`'s, in a thread of their own; what they bring is taken over in the
node's loop.
"""

import os
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from trunkline import __version__
from trunkline.config import Settings
from trunkline.errors import ConfigError
from trunkline.node import wiring
from trunkline.node.rooms import Rooms
from trunkline.store.database import Database
from trunkline.store.heartbeat import Heartbeat, Status
from trunkline.store.migrate import needed_revision
from trunkline.store.nodes import Listening, NodeFacts, Nodes, Pulse


class Membership:
    """Of the node with these open `rooms`. `changed` is called in the loop whenever `status` has."""

    def __init__(self, rooms: Rooms, stopping: Callable[[], bool], changed: Callable[[], None]) -> None:
        """`stopping` is whether the node ends with its last call. Raises `ConfigError` when the
        installation's identity can't be read or written.
        """
        self._rooms = rooms
        self._stopping = stopping
        self._changed = changed
        self._beats = time.monotonic()
        self._used_s = time.process_time()
        self.status = Status()
        """How the node stands."""
        # Unlike the store's, its commits wait for no disk: the records' writer would wait for them.
        self._database = Database(rooms.settings.database_url, durable=False)
        self._heartbeat = Heartbeat(
            Nodes(self._database),
            facts(rooms.settings, rooms.writer.run),
            self._pulse,
            told=lambda status: self._later(lambda: self._take(status)),
            revived=lambda: self._later(self._write_again),
        )

    def enter(self) -> None:
        """Take the node's name. Raises `NameTakenError`."""
        self._heartbeat.enter()

    def start(self) -> None:
        """Begin to beat."""
        self._heartbeat.start()

    def close(self) -> None:
        """Leave. Blocks. Idempotent."""
        self._heartbeat.close()
        self._database.close()

    def _pulse(self) -> Pulse:
        """On the heartbeat's thread."""
        now, used_s = time.monotonic(), time.process_time()
        load = (used_s - self._used_s) / max(now - self._beats, 0.001)
        self._beats, self._used_s = now, used_s
        return Pulse(len(self._rooms.switch), round(load, 3), self._stopping())

    def _later(self, work: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the loop has ended
            self._rooms.loop.call_soon_threadsafe(work)

    def _take(self, status: Status) -> None:
        self.status = status
        self._changed()

    def _write_again(self) -> None:
        """A survivor closed the records of calls that are up: they are opened again."""
        records = self._rooms.records
        for call in self._rooms.switch:
            self._rooms.writer.call_changed(call.record)
            attempt = records.latest_attempt(call.record.call_id)
            if attempt is not None:
                self._rooms.writer.attempt_changed(attempt)


def facts(settings: Settings, run: str) -> NodeFacts:
    """What the node of `settings` says of itself. Raises `ConfigError`."""
    node = settings.node
    return NodeFacts(
        name=node.name,
        identity=identity(settings.identity_file),
        run=run,
        region=node.region,
        weight=node.weight,
        listens=tuple(
            Listening(str(listen.transport), *listen.advertised)
            for listen in wiring.transport_settings(settings).listen
            if listen.advertised.port
        ),
        version=__version__,
        revision=needed_revision(),
        lost_after_s=node.lost_after_s,
    )


def identity(file: Path) -> str:
    """What tells this installation from others; made at its first start. Raises `ConfigError`."""
    try:
        with suppress(FileExistsError):
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "w", encoding="ascii") as made:
                made.write(f"{secrets.token_hex(16)}\n")
        return file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} can't be read or made: {getattr(error, 'strerror', error)}") from error
