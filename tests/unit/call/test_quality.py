"""How the audio of a call went over its time: its legs' courses, and their text."""

import base64
import struct

import pytest

from tests.simulation.transfers import hang_up, refer, transferring
from tests.simulation.world import World
from trunkline.call.quality import EVERY_S, MAX_LEGS, Courses, LegCourse, Quality, QualityPoint, read_quality

CALLED_UPON = (250, 0, 10, 440)
POORLY = (200, 50, 25, 310)
NOTHING = (0, 0, 0, 0)


class KeptLeg:
    """Its course is what it was given."""

    def __init__(
        self, *points: tuple[int, int, int, int], every_s: int = EVERY_S, last_s: float = 5.0
    ) -> None:
        self.followed = 0
        data = b"".join(struct.pack("<HHHH", *point) for point in points)
        self.kept: LegCourse | None = LegCourse(every_s, last_s, data)

    def follow(self) -> None:
        self.followed += 1

    def course(self) -> LegCourse | None:
        return self.kept


def courses(caller: KeptLeg, callee: KeptLeg) -> Courses:
    both = Courses()
    both.follow(0.0, caller, callee)
    return both


def ends(points: tuple[QualityPoint, ...]) -> list[float]:
    return [point.until_s for point in points]


def test_the_points_of_both_sides() -> None:
    going = courses(KeptLeg(CALLED_UPON, POORLY), KeptLeg(NOTHING, CALLED_UPON, CALLED_UPON, last_s=2.3))
    quality = going.quality()
    assert quality.caller == (QualityPoint(5.0, 250, 0, 1.0, 4.4), QualityPoint(10.0, 200, 50, 2.5, 3.1))
    assert ends(quality.callee) == [5.0, 10.0, 12.3]
    assert [point.mos for point in quality.callee] == [None, 4.4, 4.4]


def test_a_leg_is_followed_once_as_long_as_it_stands() -> None:
    caller, callee, third = KeptLeg(CALLED_UPON), KeptLeg(CALLED_UPON, last_s=3.5), KeptLeg(POORLY, POORLY)
    going = courses(caller, callee)
    going.follow(4.0, caller, callee)
    going.follow(8.5, caller, third)
    assert [leg.followed for leg in (caller, callee, third)] == [1, 1, 1]
    assert ends(going.quality().callee) == [3.5, 13.5, 18.5]
    assert ends(going.quality().caller) == [5.0]


def test_a_call_that_is_transferred_for_ever_keeps_the_first_legs() -> None:
    going = Courses()
    legs = [KeptLeg(CALLED_UPON) for _ in range(MAX_LEGS + 5)]
    for number, leg in enumerate(legs):
        going.follow(10.0 * number, legs[0], leg)
    assert len(going.quality().callee) == MAX_LEGS
    assert not legs[-1].followed


def test_points_of_the_same_time_stand_side_by_side() -> None:
    def at(*moments: float) -> tuple[QualityPoint, ...]:
        return tuple(QualityPoint(moment, 1, 0, 1.0, 4.0) for moment in moments)

    quality = Quality(at(5.0, 10.0, 12.3), at(3.5, 10.0, 12.4, 15.0))
    seen = [tuple(point and point.until_s for point in moment) for moment in quality.moments()]
    assert seen == [(None, 3.5), (5.0, None), (10.0, 10.0), (12.3, 12.4), (None, 15.0)]
    assert Quality().moments() == []


def test_what_is_written_is_read_again() -> None:
    caller, callee, third = KeptLeg(CALLED_UPON, POORLY), KeptLeg(CALLED_UPON), KeptLeg(POORLY, last_s=1.5)
    going = courses(caller, callee)
    going.follow(6.2, caller, third)
    text = going.write()
    assert text is not None
    assert read_quality(text) == going.quality()


def test_a_call_without_points_is_not_written() -> None:
    short, unheard = KeptLeg(), KeptLeg()
    unheard.kept = None
    assert courses(short, unheard).write() is None
    assert courses(short, unheard).quality() == Quality()
    assert Courses().write() is None


def test_the_longest_course_is_a_short_text() -> None:
    longest = KeptLeg(*[CALLED_UPON] * 199, every_s=10_240)
    text = courses(longest, longest).write()
    assert text is not None
    assert len(text) < 4400


def test_the_first_version_can_be_read() -> None:
    head = struct.pack("<BHHH", 1, 5, 23, 2)
    points = b"".join(struct.pack("<HHHH", *point) for point in (CALLED_UPON, POORLY, NOTHING, CALLED_UPON))
    quality = read_quality(base64.b64encode(head + points).decode())
    assert ends(quality.caller) == ends(quality.callee) == [5.0, 7.3]
    assert [point.mos for point in (*quality.caller, *quality.callee)] == [4.4, 3.1, None, 4.4]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00\x00\x00",
        b"\x03\x00\x00",
        b"\x02\x01\x00",
        b"\x02\x00\x00more",
        b"\x02\x01\x00" + struct.pack("<IHHH", 0, 5, 50, 2) + bytes(8),
        b"\x01\x05\0\0\0\x01\0",
    ],
)
def test_anything_else_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="no course of a call"):
        read_quality(base64.b64encode(data).decode())
    with pytest.raises(ValueError, match="no course of a call"):
        read_quality("%" + base64.b64encode(data).decode())


def going_on(world: World) -> Courses:
    """Of the only call, which is answered."""
    talk = world.node.the_call.talk
    assert talk is not None
    return talk.courses


def test_a_call_is_followed_from_its_answer_on() -> None:
    world = World()
    world.talking_outbound()
    going = going_on(world)
    world.clock.advance(EVERY_S - 2)
    assert going.quality() == Quality()
    world.clock.advance(2 * EVERY_S + 1)
    assert ends(going.quality().caller) == ends(going.quality().callee) == [5.0, 10.0]
    world.clock.advance(2)
    hang_up(world, world.customer)
    assert world.node.books.courses == {world.record.call_id: going}
    *points, rest = going.quality().caller
    assert ends(tuple(points)) == [5.0, 10.0, 15.0]
    assert rest.until_s == pytest.approx(world.record.talk_s, abs=0.1)
    assert sum(point.received for point in (*points, rest)) == world.record.caller_media.packets_received
    assert read_quality(going.write() or "") == going.quality()


def test_a_short_call_is_none_to_write_down() -> None:
    world = World()
    world.talking_outbound()
    hang_up(world, world.customer)
    assert world.node.books.courses == {}


def test_whoever_takes_a_place_goes_on_with_its_course() -> None:
    world, third = transferring()
    world.talking_outbound()
    world.clock.advance(2 * EVERY_S)
    refer(world, world.customer)
    world.clock.advance(2 * EVERY_S)
    going = going_on(world)
    first, second, *later = ends(going.quality().caller)
    assert (first, second) == (5.0, 10.0)
    assert later[-1] > 2 * EVERY_S + EVERY_S
    hang_up(world, third)
