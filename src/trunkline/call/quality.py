"""How the audio of an answered call went, over its time.

Each media leg keeps its own course from the answer on (`ports.MediaLeg.follow`): a row of points, however
long it lasts, five seconds apart at first and twice as far each time there are too many. `Courses` are those
of a call: of each side one leg, and after a transfer more, one after another. `write` puts them into a short
text, `read_quality` makes points of it again.

A point is eight octets: a leg of any length holds 1.6 KB of them at most.
"""

import base64
import binascii
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

EVERY_S: Final = 5
"""A leg that is followed for less has no points."""
SAME_S: Final = 0.5
"""Points of both sides that are not further apart end at the same time: the legs of a call end one by one."""
MAX_LEGS: Final = 16
"""Of a side whose courses are kept: the first ones."""
_VERSION: Final = 2
_HEAD: Final = struct.Struct("<BBB")
"""Version, legs of the caller's side, legs of the callee's."""
_LEG: Final = struct.Struct("<IHHH")
"""Tenths of a second after the answer at which it began, `every_s`, tenths of a second that its last point is
about, points.
"""
_VERSION_ONE: Final = struct.Struct("<BHHH")
"""Version, `every_s`, tenths of a second that the last point is about (0: `every_s`), points of a side."""
_POINT: Final = struct.Struct("<HHHH")
"""Received, lost, tenths of a millisecond of jitter, hundredths of MOS (0: none)."""
_MOST: Final = 0xFFFF


class LegCourse(NamedTuple):
    """How one peer's audio went while its leg was followed."""

    every_s: int
    """Seconds between two points."""
    last_s: float
    """Seconds that the last point is about."""
    points: bytes
    """Oldest first: of each, four numbers of two octets, the lower octet first: packets received and lost, at
    most 65535; tenths of a millisecond of jitter at the end; hundredths of MOS, 0 for none.
    """


class Followed(Protocol):
    """A media leg."""

    def follow(self) -> None:
        """See `ports.MediaLeg`."""

    def course(self) -> LegCourse | None:
        """See `ports.MediaLeg`."""


_Stretch = tuple[float, LegCourse]
"""When it began, in seconds after the answer."""


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


Moment = tuple[QualityPoint | None, QualityPoint | None]
"""A point of the caller's side, of the callee's, or both."""


class Quality(NamedTuple):
    """The points of both sides, oldest first."""

    caller: tuple[QualityPoint, ...] = ()
    callee: tuple[QualityPoint, ...] = ()

    def moments(self) -> list[Moment]:
        """Points that both sides have at the same time stand side by side."""
        moments: list[Moment] = []
        callers, callees = list(reversed(self.caller)), list(reversed(self.callee))
        while callers or callees:
            caller, callee = callers[-1:], callees[-1:]
            if caller and callee and abs(caller[0].until_s - callee[0].until_s) > SAME_S:
                first = caller if caller[0].until_s < callee[0].until_s else callee
                caller, callee = (first, []) if first is caller else ([], first)
            moments.append((callers.pop() if caller else None, callees.pop() if callee else None))
        return moments


class Courses:
    """See the module."""

    __slots__ = ("_callee", "_caller")

    def __init__(self) -> None:
        self._caller: list[tuple[float, Followed]] = []
        """When its following began, in seconds after the answer, and the leg."""
        self._callee: list[tuple[float, Followed]] = []

    def follow(self, after_s: float, caller: Followed, callee: Followed) -> None:
        """These legs stand on the two sides now, `after_s` seconds after the answer, and keep courses."""
        for side, leg in ((self._caller, caller), (self._callee, callee)):
            if (not side or side[-1][1] is not leg) and len(side) < MAX_LEGS:
                leg.follow()
                side.append((after_s, leg))

    def quality(self) -> Quality:
        """The points so far."""
        return Quality(_points(_kept(self._caller)), _points(_kept(self._callee)))

    def write(self) -> str | None:
        """All of it, once the call is over; None when it was too short to have any."""
        sides = [list(_kept(side)) for side in (self._caller, self._callee)]
        if not any(sides):
            return None
        data = bytearray(_HEAD.pack(_VERSION, *map(len, sides)))
        for began_s, (every_s, last_s, points) in (leg for side in sides for leg in side):
            tenths = min(round(began_s * 10), 0xFFFF_FFFF), min(round(last_s * 10), _MOST)
            data += _LEG.pack(tenths[0], every_s, tenths[1], len(points) // _POINT.size) + points
        return base64.b64encode(data).decode("ascii")


def read_quality(text: str) -> Quality:
    """What `Courses.write` wrote, today or in its first version. Raises `ValueError` for anything else."""
    try:
        data = base64.b64decode(text, validate=True)
        caller, callee = _read_version_one(data) if data[:1] == b"\x01" else _read(data)
    except (binascii.Error, struct.error) as error:
        raise ValueError(f"no course of a call: {error}") from error
    return Quality(_points(caller), _points(callee))


def _kept(side: Iterable[tuple[float, Followed]]) -> Iterator[_Stretch]:
    for began_s, leg in side:
        course = leg.course()
        if course is not None and course.points:
            yield began_s, course


def _read(data: bytes) -> tuple[list[_Stretch], list[_Stretch]]:
    version, callers, callees = _HEAD.unpack_from(data)
    stretches: list[_Stretch] = []
    place = _HEAD.size
    for _ in range(callers + callees):
        began, every_s, tenths, count = _LEG.unpack_from(data, place)
        place += _LEG.size
        points = data[place : place + count * _POINT.size]
        place += count * _POINT.size
        stretches.append((began / 10, LegCourse(every_s, tenths / 10, points)))
    if version != _VERSION or place != len(data):
        raise ValueError("no course of a call, or one of another version")
    return stretches[:callers], stretches[callers:]


def _read_version_one(data: bytes) -> tuple[list[_Stretch], list[_Stretch]]:
    _, every_s, tenths, count = _VERSION_ONE.unpack_from(data)
    middle = _VERSION_ONE.size + count * _POINT.size
    if len(data) != middle + count * _POINT.size:
        raise ValueError("no course of a call")
    last_s = tenths / 10 or float(every_s)
    caller, callee = data[_VERSION_ONE.size : middle], data[middle:]
    return [(0.0, LegCourse(every_s, last_s, caller))], [(0.0, LegCourse(every_s, last_s, callee))]


def _points(stretches: Iterable[_Stretch]) -> tuple[QualityPoint, ...]:
    points: list[QualityPoint] = []
    for began_s, (every_s, last_s, data) in stretches:
        last = len(data) // _POINT.size - 1
        for place, (received, lost, jitter, mos) in enumerate(_POINT.iter_unpack(data)):
            until_s = began_s + place * every_s + (last_s if place == last else every_s)
            quality = mos / 100 if mos else None
            points.append(QualityPoint(round(until_s, 1), received, lost, jitter / 10, quality))
    return tuple(points)
