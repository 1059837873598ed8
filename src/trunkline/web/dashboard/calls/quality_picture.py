"""How the audio of both legs of a call went over its time: loss, jitter and MOS, a picture each."""

from collections.abc import Callable, Sequence

from markupsafe import Markup

from trunkline.call.quality import Quality, QualityPoint
from trunkline.web.dashboard.plots import Line, course_plot, nice

_MOS_SCALE = (1.0, 2.0, 3.0, 4.0, 4.5)


def quality_pictures(quality: Quality) -> Sequence[Markup]:
    """None for a call without points."""
    if not quality.caller:
        return ()
    loss, jitter, mos = (_lines(quality, value) for value in (lost_percent, _jitter_ms, _mos))
    return (
        course_plot("Packets lost", "%", loss, _scale(loss), id_="loss-plot"),
        course_plot("Jitter", "ms", jitter, _scale(jitter), id_="jitter-plot"),
        course_plot("Listening quality (MOS)", "", mos, _MOS_SCALE, id_="course-mos-plot"),
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


def _scale(lines: Sequence[Line]) -> tuple[float, float, float]:
    most = nice(max((value for line in lines for _, value in line.points if value is not None), default=0.0))
    return 0.0, most / 2, most
