"""A course as engines without one of their own keep it."""

import struct

import pytest

from trunkline.call.quality import LegCourse
from trunkline.media.course import Course

PCMA, ILBC = 8, 97


def points(course: Course) -> list[tuple[int, ...]]:
    kept = LegCourse(*course.read())
    assert isinstance(kept.points, bytes)
    return list(struct.iter_unpack("<HHHH", kept.points))


def test_points_are_made_when_they_are_due() -> None:
    course = Course(100.0)
    course.look(104.9, 245, 0, 1.0, PCMA)
    assert points(course) == []
    course.look(105.0, 250, 0, 1.0, PCMA)
    course.look(110.0, 450, 50, 2.5, ILBC)
    (first, second) = points(course)
    assert first[:3] == (250, 0, 10)
    assert second[:3] == (200, 50, 25)
    assert first[3] == pytest.approx(440, abs=5)
    assert second[3] < 300
    course.end(112.6, 550, 50, 1.0, PCMA)
    assert points(course)[2][0] == 100
    assert course.read()[0] == 5
    assert course.read()[1] == pytest.approx(2.6, abs=0.05)


def test_what_the_codec_can_stand_counts() -> None:
    def quality(payload_type: int) -> int:
        course = Course(0.0)
        course.look(5.0, 250, 0, 0.0, payload_type)
        return points(course)[0][3]

    assert quality(PCMA) == pytest.approx(440, abs=5)
    assert quality(ILBC) == pytest.approx(410, abs=5)
