"""Small plots."""

from xml.etree import ElementTree as ET

import pytest

from trunkline.web.dashboard.plots import MAX_BARS, MAX_NAMES, Bar, calls_plot, counts_plot, mos_plot, nice

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
