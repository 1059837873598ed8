"""A softphone at a terminal: it is typed to, and what it prints is waited for."""

import os
import pty
import re
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path

from tests.interop.addresses import wait_for
from tests.programs import require_program


class Terminal:
    """A program with a pseudo-terminal, whose home is `directory`."""

    def __init__(self, directory: Path, program: str, arguments: Sequence[str]) -> None:
        self.program = program
        self._terminal, inside = pty.openpty()
        self._printed = b""
        self._since = 0
        self._process = subprocess.Popen(
            [require_program(program), *arguments],
            stdin=inside,
            stdout=inside,
            stderr=inside,
            env={**os.environ, "HOME": str(directory), "TERM": "dumb"},
            cwd=directory,
            close_fds=True,
        )
        os.close(inside)
        self._reader = threading.Thread(target=self._read, name=f"{program}'s terminal")
        self._reader.start()

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self._terminal, 4096)
            except OSError:
                return  # it has ended
            if not data:
                return
            self._printed += data

    def command(self, line: str) -> None:
        """Type a line; what it says is looked for from here on."""
        self._since = len(self._printed)
        os.write(self._terminal, line.encode() + b"\n")

    def output(self) -> str:
        """What it has printed since the last command."""
        return self._printed[self._since :].decode(errors="replace").replace("\r", "")

    def says(self, pattern: str) -> None:
        """Wait until it prints that."""
        try:
            wait_for(
                f"{self.program} to say {pattern!r}",
                lambda: self._stopped() or re.search(pattern, self.output()),
                within_s=30,
            )
        except AssertionError as error:
            raise AssertionError(f"{error}; it said:\n{self._printed.decode(errors='replace')}") from None
        assert not self._stopped(), self.output()

    def _stopped(self) -> bool:
        return self._process.poll() is not None

    def close(self) -> None:
        """End it."""
        if not self._stopped():
            self._process.terminate()
            try:
                self._process.wait(3)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._reader.join()
        os.close(self._terminal)
