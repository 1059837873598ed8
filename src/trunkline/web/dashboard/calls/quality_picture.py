"""How the audio of both legs of a call went over its time: loss, jitter and MOS, a picture each."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from markupsafe import Markup

from trunkline.call.quality import Quality, QualityPoint
from trunkline.web.dashboard.plots import Line, course_plot, nice

_MOS_BEST = 4.5


class Plot(NamedTuple):
    """A picture, and what is written over it."""

    title: str
    picture: Markup


def quality_plots(quality: Quality) -> Sequence[Plot]:
    """None for a call without points."""
    if not any(quality):
        return ()
    mos = course_plot(
        "Listening quality (MOS)", "", _lines(quality, _mos), (1, 2, 3, 4), _MOS_BEST, id_="course-mos-plot"
    )
    return (
        Plot(
            "Packets lost, %", _from_nought("Packets lost", "%", _lines(quality, lost_percent), "loss-plot")
        ),
        Plot("Jitter, ms", _from_nought("Jitter", "ms", _lines(quality, _jitter_ms), "jitter-plot")),
        Plot("Listening quality (MOS), 1.0 to 4.5", mos),
    )


def lost_percent(point: QualityPoint) -> float | None:
    """Of what the peer sent meanwhile; None when it sent nothing."""
    sent = point.received + point.lost
    return 100 * point.lost / sent if sent else None


def _jitter_ms(point: QualityPoint) -> float | None:
    return point.jitter_ms if point.received else None


def _mos(point: QualityPoint) -> float | None:
    return point.mos


def _lines(quality: Quality, value: Callable[[QualityPoint], float | None]) -> Sequence[Line]:
    return [
        Line(name, kind, [(point.until_s, value(point)) for point in points])
        for name, kind, points in (
            ("From the caller", "caller", quality.caller),
            ("From the callee", "callee", quality.callee),
        )
    ]


def _from_nought(title: str, unit: str, lines: Sequence[Line], id_: str) -> Markup:
    high = nice(max((value for line in lines for _, value in line.points if value is not None), default=0.0))
    return course_plot(title, unit, lines, (0.0, high / 2, high), high, id_=id_)
