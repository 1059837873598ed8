"""Keeping a zone file as the edges are: written whole when they change, and a command run after it.

While the nodes can't be read, the last zone stays. A command that fails is tried again, for the name server
has the old zone until it succeeds.
"""

import shlex
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from trunkline.config import Settings
from trunkline.config.edges import PublishedEdge
from trunkline.config.zone import Record, Server, zone_file, zone_records
from trunkline.errors import ConfigError, TrunklineError

HOOK_S = 30.0
"""A command that takes longer is ended, and has failed."""
AGAIN_S = 5.0
"""Between two tries of a command that fails."""


class ZoneKeeper:
    """Of the file `out`. Blocks."""

    def __init__(
        self,
        settings: Settings,
        server: Server,
        out: Path,
        hook: str | None,
        *,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Raises `ConfigError` when `hook` is no command."""
        self._settings = settings
        self._server = server
        self._out = out
        self._command = _command(hook)
        self._wall = wall
        self._monotonic = monotonic
        self._records: Sequence[Record] | None = None
        self._serial = 0
        self._hook_due: float | None = None
        self._trouble = ""

    def look(self, edges: Sequence[PublishedEdge]) -> str | None:
        """Write the zone of `edges` if it is another one, and run the command if it has to; what was done,
        for a person. Raises `ConfigError` for what can't be written or fails.
        """
        records = zone_records(self._settings, edges)
        said = None
        if records != self._records:
            self._write(records)
            self._hook_due = self._monotonic()
            serving = [edge.name for edge in edges if edge.serves]
            said = f"{self._out} is written: {', '.join(serving) or 'no edge takes calls, so all of them'}"
        if self._hook_due is not None and self._monotonic() >= self._hook_due:
            self._hook_due = self._monotonic() + AGAIN_S
            self._run()
            self._hook_due = None
        return said

    def look_again(self, edges: Callable[[], Sequence[PublishedEdge]]) -> str | None:
        """As `look`, and trouble is said instead of raised: once, until it is over."""
        try:
            said = self.look(edges())
        except TrunklineError as error:
            if str(error) == self._trouble:
                return None
            self._trouble = str(error)
            return f"{error}; it is tried again"
        if self._hook_due is None and self._trouble:
            self._trouble = ""
            return said or "it works again"
        return said

    def _write(self, records: Sequence[Record]) -> None:
        self._serial = max(self._serial + 1, int(self._wall()))
        text = zone_file(
            self._settings,
            records,
            server=self._server,
            serial=self._serial,
            file=str(self._out.absolute()),
        )
        fresh = self._out.with_name(f".{self._out.name}.new")
        try:
            fresh.write_text(text, encoding="ascii")
            fresh.replace(self._out)
        except OSError as error:
            raise ConfigError(f"{self._out} can't be written: {error.strerror or error}") from error
        self._records = records

    def _run(self) -> None:
        if not self._command:
            return
        try:
            done = subprocess.run(
                self._command, capture_output=True, text=True, timeout=HOOK_S, check=False, errors="replace"
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ConfigError(f"{self._command[0]} failed: {error}") from error
        if done.returncode:
            words = " ".join((done.stderr or done.stdout).split())[:200]
            raise ConfigError(f"{self._command[0]} ended with {done.returncode}: {words}")


def _command(hook: str | None) -> list[str]:
    try:
        return shlex.split(hook or "")
    except ValueError as error:
        raise ConfigError(f"--hook is no command: {error}") from None
