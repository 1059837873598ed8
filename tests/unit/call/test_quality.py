"""The course of a call's audio."""

import base64

import pytest

from trunkline.call.quality import EVERY_S, MAX_POINTS, Course, Quality, read_quality
from trunkline.call.record import MediaFigures

NOTHING = MediaFigures()


def estimate(loss: float, jitter_ms: float, codec: str) -> float:
    """Enough of a MOS to tell what it was asked."""
    return 4.5 - loss - jitter_ms / 100 - (0 if codec == "PCMA" else 1)


def figures(received: int, lost: int = 0, jitter_ms: float = 1.0) -> MediaFigures:
    return MediaFigures("PCMA", received, 0, lost, jitter_ms, 4.0)


def test_a_point_is_what_the_counters_grew_by() -> None:
    course = Course(estimate)
    course.add(figures(240, 10), NOTHING)
    course.add(figures(490, 10, 2.5), figures(100))
    quality = course.quality()
    assert [(point.until_s, point.received, point.lost) for point in quality.caller] == [
        (5.0, 240, 10),
        (10.0, 250, 0),
    ]
    assert [point.mos for point in quality.caller] == [4.45, 4.47]
    assert quality.caller[1].jitter_ms == 2.5
    assert [(point.received, point.mos) for point in quality.callee] == [(0, None), (100, 4.49)]


def test_another_leg_begins_anew() -> None:
    course = Course(estimate)
    course.add(figures(250, 3), NOTHING)
    course.add(figures(100, 1), NOTHING)
    assert [(point.received, point.lost) for point in course.quality().caller] == [(250, 3), (100, 1)]


def test_a_packet_that_came_late_after_all_is_no_negative_loss() -> None:
    course = Course(estimate)
    for received, lost in ((100, 5), (200, 3), (300, 5)):
        course.add(figures(received, lost), NOTHING)
    assert [point.lost for point in course.quality().caller] == [5, 0, 0]


def test_a_long_call_has_points_further_apart_and_forgets_no_bad_moment() -> None:
    course = Course(estimate)
    for number in range(1, 1001):
        lost = 50 if number >= 77 else 0
        course.add(figures(250 * number, lost, 90.0 if number == 77 else 1.0), figures(250 * number))
        assert len(course.quality().caller) < MAX_POINTS
    points = course.quality().caller
    assert course.every_s > EVERY_S
    assert sum(point.lost for point in points) == 50
    assert max(point.jitter_ms for point in points) == 90.0
    (worst,) = (point for point in points if point.lost)
    assert worst.mos == min(point.mos for point in points if point.mos is not None) < 3.5
    assert points[-1].until_s == course.every_s * len(points)
    assert len(course.write(figures(250_000), figures(250_000), 0.0)) < 4400


def test_neighbours_of_which_one_heard_nothing() -> None:
    course = Course(estimate)
    for number in range(1, MAX_POINTS + 1):
        course.add(figures(250 * (number // 2)), NOTHING)
    assert {point.mos for point in course.quality().caller} == {4.49}
    assert {point.mos for point in course.quality().callee} == {None}


@pytest.mark.parametrize(
    ("talk_s", "ends"), [(10.2, [5.0, 10.0]), (12.3, [5.0, 10.0, 12.3]), (99.0, [5.0, 10.0, 15.0])]
)
def test_what_is_written_is_read_again_with_the_rest_of_the_call(talk_s: float, ends: list[float]) -> None:
    course = Course(estimate)
    course.add(figures(250), figures(240, 10))
    course.add(figures(500, 1), figures(480, 20))
    before = course.quality()
    text = course.write(figures(600, 2), figures(590, 20), talk_s)
    read = read_quality(text)
    assert [point.until_s for point in read.caller] == ends
    assert Quality(read.caller[:2], read.callee[:2]) == before
    if len(ends) == 3:
        assert (read.caller[2].received, read.caller[2].lost) == (100, 1)


def test_values_beyond_the_scale_stay_at_its_end() -> None:
    course = Course(lambda loss, jitter_ms, codec: 1.0)
    course.add(figures(10**9, 10**9, 1e9), NOTHING)
    (point,) = course.quality().caller
    assert (point.received, point.lost, point.jitter_ms, point.mos) == (65535, 65535, 6553.5, 1.0)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "%",
        "AAAA",
        base64.b64encode(b"\x02\x05\0\0\0\0\0").decode(),
        base64.b64encode(b"\x01\x05\0\0\0\x01\0").decode(),
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no course of a call"):
        read_quality(text)
