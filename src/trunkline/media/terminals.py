"""Terminals: far ends that are no second leg but a voice and an ear inside the engine.

What they say and what they have heard, as values; the engines implement `Terminal`. They speak and hear each
of the six codecs, and digits as telephone-events (RFC 4733).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from trunkline.call.ports import MediaLeg, Tone, WavFile


@dataclass(frozen=True, slots=True)
class Silence:
    """Silence, which is still sent: packets flow and the far end's media timeout is content."""


@dataclass(frozen=True, slots=True)
class Echo:
    """What it hears, packet for packet; nothing while it hears nothing."""


Source = Silence | Tone | WavFile | Echo


class ToneHeard(NamedTuple):
    """How long and how loud one frequency was heard."""

    frequency_hz: float
    duration_ms: int
    level_dbm0: float | None
    """Mean level while it was heard; None when it never was."""


class Hearing(NamedTuple):
    """What a terminal has heard so far."""

    digits: str
    """`0`-`9`, `*`, `#`, `A`-`D`; the first 1024."""
    tones: tuple[ToneHeard, ...]
    """One for each frequency listened for, in that order."""
    missed: int = 0
    """Packets that it did not say, since this machine held it up."""

    def heard_ms(self, frequency_hz: float) -> int:
        """How long a frequency was heard. Raises `KeyError` for one that was not listened for."""
        return {tone.frequency_hz: tone.duration_ms for tone in self.tones}[frequency_hz]


class Terminal(MediaLeg, Protocol):
    """A leg whose far end is a voice and an ear. `set_remote` refuses a peer that `speaks` nothing and passes
    no G.711 (`MediaError`)."""

    def play(self, source: Source) -> None:
        """Say this from the next packet on. Raises `MediaError` for a tone out of range or an unusable
        file."""

    def hearing(self) -> Hearing:
        """What it has heard so far, or until it was closed."""


class TerminalEngine(Protocol):
    """An engine that makes terminals."""

    def open_terminal(
        self,
        source: Source,
        *,
        ipv6: bool = False,
        listen_for: Sequence[float] = (),
        record_to: Path | None = None,
        source_ended: Callable[[], None] | None = None,
    ) -> Terminal:
        """A terminal on a free port pair.

        `listen_for`: at most 16 frequencies in Hz, at least 100 apart. `record_to`: a WAV file, written when
        it is closed. `source_ended` is called when the last of a file, or of the digits queued, has been
        sent. Raises `NoPortsError`, and `MediaError` as `Terminal.play` does.
        """
