"""How the audio of an answered call went, over its time: for each leg a row of points, however long it lasts.

A `Course` grows while a call is up: every `every_s` seconds one point for each leg, made from what the
leg's counters grew by. After `MAX_POINTS` two neighbours become one and `every_s` doubles. Of two, the larger
jitter and the lower MOS are kept: a bad moment stays to be seen. `write` puts a course into a short text,
`read_quality` makes points of it again; who asks the legs, and when, is `quality_watch`.

A point is eight octets: a call of any length holds 3.2 KB of them, and its text is 4.3 KB at most.
"""

import base64
import binascii
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

from trunkline.call.record import MediaFigures

EVERY_S: Final = 5
MAX_POINTS: Final = 200
"""Of a leg; an even number."""
SHORTEST_REST_S: Final = 0.5
"""What is left of a call behind its last point becomes one, unless it is shorter."""
_VERSION: Final = 1
_HEAD: Final = struct.Struct("<BHHH")
"""Version, `every_s`, tenths of a second that the last point is about (0: `every_s`), points of a leg."""
_POINT: Final = struct.Struct("<HHHH")
"""Received, lost, tenths of a millisecond of jitter, hundredths of MOS (0: none)."""
_MOST: Final = 0xFFFF

Packed = bytes | bytearray
Estimate = Callable[[float, float, str], float]
"""Share of packets lost, jitter in ms, codec -> MOS (ITU-T G.107)."""


@dataclass(frozen=True, slots=True)
class QualityPoint:
    """What one peer's audio was like from the point before (or the answer) on; seen from us."""

    until_s: float
    """Seconds after the answer at which the point was made."""
    received: int
    """RTP packets since the point before; in the first one also those before the answer. At most 65535."""
    lost: int
    """Of those that the peer sent meanwhile, how many never came."""
    jitter_ms: float
    """Interarrival jitter at the end (RFC 3550 §6.4.1)."""
    mos: float | None
    """Estimated listening quality of this stretch, 1.0 to 4.5; None when nothing arrived in it."""


class Quality(NamedTuple):
    """The points of both legs, oldest first. They begin and end together."""

    caller: tuple[QualityPoint, ...] = ()
    callee: tuple[QualityPoint, ...] = ()


class _Side:
    """One leg's points."""

    __slots__ = ("lost", "points", "received")

    def __init__(self) -> None:
        self.points = bytearray()
        self.received = 0
        self.lost = 0

    def add(self, figures: MediaFigures, estimate: Estimate) -> None:
        if figures.packets_received < self.received:
            self.received = self.lost = 0  # another leg has taken its place
        received = figures.packets_received - self.received
        lost = max(0, figures.packets_lost - self.lost)
        self.received, self.lost = figures.packets_received, max(figures.packets_lost, self.lost)
        mos = estimate(lost / (received + lost), figures.jitter_ms, figures.codec) if received else 0.0
        self.points += _POINT.pack(
            min(received, _MOST),
            min(lost, _MOST),
            min(round(figures.jitter_ms * 10), _MOST),
            round(mos * 100),
        )

    def thin(self) -> None:
        thinned = bytearray()
        points = _POINT.iter_unpack(self.points)
        for (received, lost, jitter, mos), after in zip(points, points, strict=True):
            worse = min(mos, after[3]) or max(mos, after[3])
            thinned += _POINT.pack(
                min(received + after[0], _MOST), min(lost + after[1], _MOST), max(jitter, after[2]), worse
            )
        self.points = thinned


class Course:
    """See the module."""

    __slots__ = ("_callee", "_caller", "_count", "_estimate", "every_s")

    def __init__(self, estimate: Estimate) -> None:
        self.every_s = EVERY_S
        """Seconds until the next point is due."""
        self._estimate = estimate
        self._count = 0
        self._caller = _Side()
        self._callee = _Side()

    def add(self, caller: MediaFigures, callee: MediaFigures) -> None:
        """The counters so far, `every_s` after the point before."""
        self._caller.add(caller, self._estimate)
        self._callee.add(callee, self._estimate)
        self._count += 1
        if self._count == MAX_POINTS:
            self._caller.thin()
            self._callee.thin()
            self._count //= 2
            self.every_s *= 2

    def quality(self) -> Quality:
        """The points so far."""
        return _quality(self.every_s, float(self.every_s), self._caller.points, self._callee.points)

    def write(self, caller: MediaFigures, callee: MediaFigures, talk_s: float) -> str:
        """All of it, once the call is over: these are its last counters, and it lasted `talk_s`. Only once:
        the rest behind the last point becomes a point.
        """
        rest_s = min(max(0.0, talk_s - self.every_s * self._count), self.every_s)
        if rest_s >= SHORTEST_REST_S:
            self._caller.add(caller, self._estimate)
            self._callee.add(callee, self._estimate)
            self._count += 1
        else:
            rest_s = 0.0
        head = _HEAD.pack(_VERSION, min(self.every_s, _MOST), min(round(rest_s * 10), _MOST), self._count)
        return base64.b64encode(head + self._caller.points + self._callee.points).decode("ascii")


def read_quality(text: str) -> Quality:
    """What `Course.write` wrote. Raises `ValueError` for anything else."""
    try:
        data = base64.b64decode(text, validate=True)
        version, every_s, tenths, count = _HEAD.unpack_from(data)
    except (binascii.Error, struct.error) as error:
        raise ValueError(f"no course of a call: {error}") from error
    middle = _HEAD.size + count * _POINT.size
    if version != _VERSION or len(data) != middle + count * _POINT.size:
        raise ValueError("no course of a call, or one of another version")
    return _quality(every_s, tenths / 10 or float(every_s), data[_HEAD.size : middle], data[middle:])


def _quality(every_s: int, last_s: float, caller: Packed, callee: Packed) -> Quality:
    return Quality(_points(every_s, last_s, caller), _points(every_s, last_s, callee))


def _points(every_s: int, last_s: float, data: Packed) -> tuple[QualityPoint, ...]:
    last = len(data) // _POINT.size - 1
    return tuple(
        QualityPoint(
            round(place * every_s + (last_s if place == last else every_s), 1),
            received,
            lost,
            jitter / 10,
            mos / 100 if mos else None,
        )
        for place, (received, lost, jitter, mos) in enumerate(_POINT.iter_unpack(data))
    )
