"""The course of a call's audio as pictures."""

from xml.etree import ElementTree as ET

from tests.unit.web.paper_node import QUALITY
from trunkline.call.quality import Quality, QualityPoint
from trunkline.web.dashboard.calls.quality_picture import lost_percent, quality_plots

SVG = "{http://www.w3.org/2000/svg}"


def lines(picture: str, kind: str) -> list[list[tuple[float, float]]]:
    found = []
    for line in ET.fromstring(picture).iter(f"{SVG}polyline"):
        if line.get("class") == f"line {kind}":
            points = (point.split(",") for point in line.get("points", "").split())
            found.append([(float(x), float(y)) for x, y in points])
    return found


def test_a_picture_of_loss_of_jitter_and_of_quality() -> None:
    loss, jitter, mos = (plot.picture for plot in quality_plots(QUALITY))
    for picture, falls in ((loss, False), (jitter, False), (mos, True)):
        [[(x, before), (later, after)]] = lines(picture, "caller")
        assert x < later
        assert (after > before) is falls, "higher on the page is a smaller y"
    about = ET.fromstring(loss).findtext(f"{SVG}desc")
    assert about == "From the caller: 0.40 to 50.00 %. From the callee: 0.00 to 0.00 %."


def test_a_line_is_interrupted_where_nothing_was_heard() -> None:
    heard, silent = QualityPoint(5.0, 250, 0, 1.0, 4.4), QualityPoint(10.0, 0, 0, 1.0, None)
    quality = Quality((heard, silent, heard), (silent, silent, silent))
    for _, picture in quality_plots(quality):
        assert [len(line) for line in lines(picture, "caller")] == [1, 1]
        assert lines(picture, "callee") == []
    assert lost_percent(silent) is None


def test_a_call_without_points_has_no_pictures() -> None:
    assert quality_plots(Quality()) == ()
