"""Small plots."""

from xml.etree import ElementTree as ET

import pytest

from trunkline.web.dashboard.plots import (
    MAX_BARS,
    MAX_DOTS,
    MAX_NAMES,
    Bar,
    Line,
    calls_plot,
    clock,
    counts_plot,
    course_plot,
    mos_plot,
    nice,
)

SVG = "{http://www.w3.org/2000/svg}"


def about(read: ET.Element) -> str:
    found = read.find(f"{SVG}desc")
    assert found is not None
    return found.text or ""


def heights(read: ET.Element, kind: str) -> list[float]:
    return [float(one.get("height", "")) for one in read.iter(f"{SVG}rect") if one.get("class") == kind]


def test_bars_are_as_high_as_their_calls() -> None:
    read = ET.fromstring(calls_plot([Bar("08:00", 10, 5, 5), Bar("09:00", 20, 0, 0)]))
    answered = heights(read, "talking")
    assert answered[1] == pytest.approx(2 * answered[0], abs=0.2)
    assert heights(read, "failed") == heights(read, "ringing")
    titles = [title.text for title in read.iter(f"{SVG}title")]
    assert "08:00: 10 answered, 5 not answered, 5 failed" in titles
    assert about(read) == "40 calls, 5 failed."


def test_plots_of_nothing() -> None:
    assert about(ET.fromstring(calls_plot([]))) == "0 calls, 0 failed."
    assert about(ET.fromstring(mos_plot([("08:00", None)]))) == "No figures."
    assert about(ET.fromstring(counts_plot("Failures", [], id_="x"))) == "None."


def test_better_quality_is_higher() -> None:
    read = ET.fromstring(mos_plot([("1", 4.4), ("2", None), ("3", 2.0)]))
    good, bad = (float(dot.get("cy", "")) for dot in read.iter(f"{SVG}circle"))
    assert good < bad
    assert about(read) == "From 2.00 to 4.40."


def test_counts_with_hostile_names() -> None:
    read = ET.fromstring(counts_plot("Failures", [("<script>\x1b" * 9, 8), ("busy", 4)], id_="x"))
    widths = [float(one.get("width", "")) for one in read.iter(f"{SVG}rect")]
    assert widths[0] == pytest.approx(2 * widths[1], abs=0.2)
    assert read.find(f".//{SVG}script") is None


def test_plots_are_bounded() -> None:
    assert len(heights(ET.fromstring(calls_plot([Bar("x", 1, 0, 0)] * 1000)), "talking")) == MAX_BARS
    assert len(list(ET.fromstring(mos_plot([("x", 3.0)] * 1000)).iter(f"{SVG}circle"))) == MAX_BARS
    counts = counts_plot("Failures", [("x", 1)] * 100, id_="x")
    assert len(heights(ET.fromstring(counts), "failed")) == MAX_NAMES


@pytest.mark.parametrize(
    ("value", "end"), [(0, 2), (1, 2), (3, 4), (7, 8), (11, 12), (107, 120), (4001, 6000)]
)
def test_an_axis_ends_at_a_round_number(value: float, end: float) -> None:
    assert nice(value) == end


def course(seconds: int, every_s: int) -> ET.Element:
    points = [(float(at), 1.0) for at in range(every_s, seconds + 1, every_s)]
    return ET.fromstring(
        course_plot("Loss", "%", [Line("Caller", "caller", points)], (0.0, 1.0), 2.0, id_="x")
    )


@pytest.mark.parametrize(
    ("seconds", "every_s", "names"),
    [
        (10, 5, ["0:00", "0:05"]),
        (60, 5, ["0:00", "0:10", "0:20", "0:30", "0:40", "0:50"]),
        (14_400, 80, ["0:00", "1:00:00", "2:00:00", "3:00:00"]),
        (86_400, 640, ["0:00", "4:00:00", "8:00:00", "12:00:00", "16:00:00", "20:00:00"]),
    ],
)
def test_moments_along_the_foot_of_a_course(seconds: int, every_s: int, names: list[str]) -> None:
    read = course(seconds, every_s)
    assert [text.text for text in read.iter(f"{SVG}text") if ":" in (text.text or "")] == names


def test_a_course_has_dots_to_point_at_while_they_are_few() -> None:
    dots = list(course(60, 5).iter(f"{SVG}circle"))
    assert len(dots) == 12
    assert dots[1].findtext(f"{SVG}title") == "Caller, until 0:10: 1.00 %"
    assert not list(course(5 * MAX_DOTS + 5, 5).iter(f"{SVG}circle"))


def test_a_course_stays_on_its_scale() -> None:
    lines = [Line("Caller", "caller", [(5.0, 9.0), (10.0, -9.0)])]
    read = ET.fromstring(course_plot("Loss", "%", lines, (0.0, 1.0), 1.0, id_="x"))
    high, low = (float(dot.get("cy", "")) for dot in read.iter(f"{SVG}circle"))
    assert 0 < high < low < 168
    assert about(ET.fromstring(course_plot("Loss", "%", [], (0.0, 1.0), 1.0, id_="x"))) == ""


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "0:00"), (65, "1:05"), (3600, "1:00:00"), (7265, "2:01:05")]
)
def test_a_time_within_a_call(seconds: float, words: str) -> None:
    assert clock(seconds) == words
