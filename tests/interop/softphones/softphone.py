"""A softphone at a command line, registered with the trunk: it is typed to, and what it prints is waited for.

Over pipes. What passes a pseudo-terminal waits for a thread of the kernel's that moves it on, and on a busy
machine that was half a minute late: the phone had not yet been told to transfer when its callers were to
hear each other.
"""

import os
import re
import subprocess
import threading
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np

from tests.interop.addresses import wait_for
from tests.interop.audio import Samples, share
from tests.processes import end
from tests.programs import require_program


class Softphone(ABC):
    """One that says 440 Hz; registered when it is made. Its home is `directory`, which is made too; `codec`
    is its only one, as it names that itself.

    It prints line by line, as to a terminal. What it says of something is a pattern.
    """

    program: ClassVar[str]
    digest: ClassVar[str]
    """The only algorithm that it is asked for."""
    lets_ring: ClassVar[str]
    """The line that has it ring when somebody calls."""
    holds: ClassVar[str]
    resumes: ClassVar[str]
    keys: ClassVar[str]
    """The line that presses `{keys}`."""
    hangs_up: ClassVar[str]
    rings: ClassVar[str]
    """It says that somebody calls."""
    far_end_rings: ClassVar[str]
    refused: ClassVar[str]
    """It says of a call out that it was refused with `{status}` and `{reason}`."""
    ended: ClassVar[str]
    """It says that the far end ended a call."""
    key_came: ClassVar[str]
    """It says that it was sent the key `{key}`."""

    def __init__(self, directory: Path, *, trunk: int, codec: str | None = None) -> None:
        directory.mkdir()
        self._printed = b""
        self._since = 0
        arguments = self._settle(directory, trunk, codec)
        self._process = subprocess.Popen(
            [require_program("stdbuf"), "-oL", require_program(self.program), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, "HOME": str(directory), "TERM": "dumb", "PULSE_RUNTIME_PATH": str(directory)},
            cwd=directory,
            bufsize=0,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._typed, self._said = self._process.stdin, self._process.stdout
        self._reader = threading.Thread(target=self._read, name=f"{self.program}'s words")
        self._reader.start()
        try:
            self._register()
        except BaseException:
            self.close()
            raise

    @abstractmethod
    def _settle(self, directory: Path, trunk: int, codec: str | None) -> Sequence[str]:
        """Write what it reads when it starts; the arguments of its command line."""

    @abstractmethod
    def _register(self) -> None:
        """Wait until it has."""

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

    @abstractmethod
    def dial(self, number: str) -> None:
        """Call somebody out there."""

    @abstractmethod
    def recorded(self) -> tuple[bytes, int]:
        """What it has heard, in 16 bits, and how many samples of it are a second."""

    def hears(self, frequency: float) -> bool:
        """Whether half a second of what came last is a clean tone of `frequency`."""
        data, rate = self.recorded()
        last = np.frombuffer(data[: len(data) // 2 * 2], "<i2")[-rate // 2 :]
        samples: Samples = last.astype(np.float64) / 32768
        return len(samples) >= rate * 0.45 and share(samples, frequency, rate) > 0.9

    def close(self) -> None:
        """End it."""
        end(self._process, 3)
        self._typed.close()
        self._reader.join()
        self._said.close()
