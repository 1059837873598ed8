"""A softphone at a command line: it is typed to, and what it prints is waited for.

Over pipes. What passes a pseudo-terminal waits for a thread of the kernel's that moves it on, and on a busy
machine that was half a minute late: the phone had not yet been told to transfer when its callers were to
hear each other.
"""

import os
import re
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path

from tests.interop.addresses import wait_for
from tests.programs import require_program


class Terminal:
    """A program whose home is `directory`. It prints line by line, as to a terminal."""

    def __init__(self, directory: Path, program: str, arguments: Sequence[str]) -> None:
        self.program = program
        self._printed = b""
        self._since = 0
        self._process = subprocess.Popen(
            [require_program("stdbuf"), "-oL", require_program(program), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, "HOME": str(directory), "TERM": "dumb"},
            cwd=directory,
            bufsize=0,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._typed, self._said = self._process.stdin, self._process.stdout
        self._reader = threading.Thread(target=self._read, name=f"{program}'s words")
        self._reader.start()

    def _read(self) -> None:
        while data := self._said.read(4096):
            self._printed += data

    def command(self, line: str) -> None:
        """Type a line; what it says is looked for from here on."""
        self._since = len(self._printed)
        self._typed.write(line.encode() + b"\n")

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
        self._typed.close()
        self._reader.join()
        self._said.close()
