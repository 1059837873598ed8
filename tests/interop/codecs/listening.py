"""How much of a recording is left at the far end: what was heard is laid over what was said, then judged
in two ways.

- the mean opinion that ITU-T P.862 foretells of listeners (PESQ, narrow band), 1.0 to 4.5;
- the segmental signal-to-noise ratio: that of each 20 ms in which something is said, kept within -10 and
  35 dB, and averaged. It says how well the wave itself is kept, which codecs below 16 kbit/s don't try to.
"""

import wave
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pesq

from tests.interop.audio import RATE

Samples = npt.NDArray[np.float64]

_SEGMENT: Final = RATE // 50
_QUIET_DB: Final = -40.0
"""Segments so far below the loudest one are pauses."""
_SNR_RANGE_DB: Final = (-10.0, 35.0)
_SHIFTS: Final = np.arange(-8, 9) / 16
"""Parts of a sample that are tried: filters between 8 and 16 kHz delay by no whole number."""


@dataclass(frozen=True, slots=True)
class Score:
    """What is left of a recording."""

    opinion: float
    """1.0 to 4.5."""
    snr_db: float
    delay_ms: float
    """From the beginning of what was said to that of what was heard; it holds the call's own beginning."""


def read(file: Path) -> Samples:
    """The samples of a WAV file, -32768 to 32767."""
    with wave.open(str(file)) as recording:
        return np.frombuffer(recording.readframes(recording.getnframes()), "<i2").astype(np.float64)


def judge(said: Samples, heard: Samples) -> Score:
    """Compare what was heard with what was said."""
    opinion = pesq.pesq(RATE, said.astype(np.int16), heard.astype(np.int16), "nb")
    lag = _lag(said, heard)
    best = max(_snr_db(said, _laid_over(said, heard, lag + shift)) for shift in _SHIFTS)
    return Score(opinion, best, lag * 1000 / RATE)


def _lag(said: Samples, heard: Samples) -> int:
    """Samples by which `heard` is behind `said` where their cross-correlation is greatest."""
    size = len(said) + len(heard)
    product = np.fft.irfft(np.fft.rfft(heard, size) * np.conj(np.fft.rfft(said, size)), size)
    lag = int(np.argmax(product))
    return lag if lag < len(heard) else lag - size


def _laid_over(said: Samples, heard: Samples, lag: float) -> Samples:
    """`heard` moved by `lag`, as long as `said`, at the loudness that leaves the least difference."""
    size = len(said) + len(heard)
    turn = np.exp(2j * np.pi * lag * np.fft.rfftfreq(size))
    moved: Samples = np.fft.irfft(np.fft.rfft(heard, size) * turn, size)[: len(said)]
    power = float(moved @ moved)
    return moved * (float(said @ moved) / power) if power else moved


def _snr_db(said: Samples, heard: Samples) -> float:
    count = len(said) // _SEGMENT * _SEGMENT
    segments = said[:count].reshape(-1, _SEGMENT)
    noise = np.sum((segments - heard[:count].reshape(-1, _SEGMENT)) ** 2, axis=1)
    signal = np.sum(segments**2, axis=1)
    audible = signal > signal.max() * 10 ** (_QUIET_DB / 10)
    ratios = 10 * np.log10(signal[audible] / np.maximum(noise[audible], 1.0))
    return float(np.mean(np.clip(ratios, *_SNR_RANGE_DB)))
