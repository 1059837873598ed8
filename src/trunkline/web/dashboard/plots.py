"""Small plots: calls over time, quality over time, counts by name, courses within a call. Each is one SVG;
the page has its figures as a table too."""

from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup

from trunkline.web.dashboard.svg import clipped, element, picture

MAX_BARS = 96
MAX_NAMES = 12
MAX_DOTS = 60
"""Of a line with more points the dots are left out."""
_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _FOOT = 480, 168, 44, 8, 12, 26
_MOS_FROM, _MOS_TO = 1.0, 4.5
_LABEL = 34
_STEPS_S = (5, 10, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600)


class Line(NamedTuple):
    """What one of several went through, in time."""

    name: str
    kind: str
    """Of its looks: a class of the style sheet."""
    points: Sequence[tuple[float, float | None]]
    """Seconds from the beginning, and the value; None: there is none."""


class Bar(NamedTuple):
    """The calls of one stretch of time."""

    name: str
    """When it began."""
    answered: int
    unanswered: int
    failed: int

    @property
    def calls(self) -> int:
        return self.answered + self.unanswered + self.failed


def calls_plot(bars: Sequence[Bar]) -> Markup:
    """Calls over time, each bar parted by how they went. The first `MAX_BARS` bars."""
    bars = bars[:MAX_BARS]
    most = nice(max((bar.calls for bar in bars), default=0))
    step = (_WIDTH - _LEFT - _RIGHT) / max(1, len(bars))
    parts = [_scale(value, value / most, f"{value:g}") for value in (0, most / 2, most)]
    for place, bar in enumerate(bars):
        parts.append(_stack(bar, _LEFT + step * place, step, most))
    parts += _names([bar.name for bar in bars], step)
    calls, failed = sum(bar.calls for bar in bars), sum(bar.failed for bar in bars)
    return picture(
        "Calls over time", f"{calls} calls, {failed} failed.", _WIDTH, _HEIGHT, *parts, id_="calls-plot"
    )


def mos_plot(points: Sequence[tuple[str, float | None]]) -> Markup:
    """The listening quality (MOS, 1.0 to 4.5) over time; None: nothing was heard. The first `MAX_BARS`
    points."""
    points = points[:MAX_BARS]
    step = (_WIDTH - _LEFT - _RIGHT) / max(1, len(points))
    parts = [
        _scale(value, (value - _MOS_FROM) / (_MOS_TO - _MOS_FROM), f"{value:g}") for value in (1, 2, 3, 4)
    ]
    known = [
        (_LEFT + step * (place + 0.5), _y((mos - _MOS_FROM) / (_MOS_TO - _MOS_FROM)), name, mos)
        for place, (name, mos) in enumerate(points)
        if mos is not None
    ]
    if known:
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y, _, _ in known)
        parts.append(element("polyline", points=line, class_="line"))
    for x, y, name, mos in known:
        parts.append(element("circle", element("title", f"{name}: {mos:.2f}"), cx=x, cy=y, r=3, class_="dot"))
    parts += _names([name for name, _ in points], step)
    about = (
        f"From {min(k[3] for k in known):.2f} to {max(k[3] for k in known):.2f}." if known else "No figures."
    )
    return picture("Listening quality (MOS) over time", about, _WIDTH, _HEIGHT, *parts, id_="mos-plot")


def course_plot(
    title: str, unit: str, lines: Sequence[Line], across: Sequence[float], high: float, *, id_: str
) -> Markup:
    """Several lines over the same seconds, between the first of the values `across`, each of which has a line
    across, and `high`; beyond them they are clipped."""
    low = across[0]
    end_s = max((at for line in lines for at, _ in line.points), default=0.0) or 1.0
    parts = [_scale(value, (value - low) / (high - low), f"{value:g}") for value in across]
    for line in lines:
        places = [
            None if value is None else (_along(at / end_s), _y((value - low) / (high - low)), at, value)
            for at, value in line.points
        ]
        parts += _strokes(places, line.kind)
        if len(places) <= MAX_DOTS:
            parts += [_dot(*place, line, unit) for place in places if place is not None]
    parts += _seconds(end_s)
    about = " ".join(f"{line.name}: {_range(line, unit)}." for line in lines)
    return picture(title, about, _WIDTH, _HEIGHT, *parts, id_=id_)


def counts_plot(title: str, counts: Sequence[tuple[str, int]], *, id_: str) -> Markup:
    """How often each name occurred, in the order given: `MAX_NAMES` of them."""
    counts = counts[:MAX_NAMES]
    most = max((count for _, count in counts), default=0)
    height = 8 + 28 * max(1, len(counts))
    parts = []
    for place, (name, count) in enumerate(counts):
        y = 8 + 28 * place
        width = max(2.0, (_WIDTH - 290) * count / most) if most else 2.0
        parts.append(element("text", clipped(name, _LABEL), x=4, y=y + 13, class_="label"))
        parts.append(element("rect", x=236, y=y, width=width, height=18, rx=3, class_="failed"))
        parts.append(element("text", str(count), x=242 + width, y=y + 13, class_="tick"))
    about = ", ".join(f"{name}: {count}" for name, count in counts) or "None."
    return picture(title, about, _WIDTH, height, *parts, id_=id_)


def nice(value: float) -> float:
    """Where an axis ends: at a round number whose half is round too, at least 2 and not far above `value`."""
    step = 1.0
    while True:
        for factor in (2, 4, 6, 8, 10, 12, 16):
            if step * factor >= value:
                return step * factor
        step *= 10


def _y(share: float) -> float:
    return _HEIGHT - _FOOT - (_HEIGHT - _TOP - _FOOT) * min(1.0, max(0.0, share))


def _scale(value: float, share: float, name: str) -> Markup:
    y = _y(share)
    return element(
        "g",
        element(
            "line", x1=_LEFT, y1=y, x2=_WIDTH - _RIGHT, y2=y, class_="grid-line" if value else "base-line"
        ),
        element("text", name, x=_LEFT - 8, y=y + 4, text_anchor="end", class_="tick"),
    )


def _stack(bar: Bar, x: float, step: float, most: float) -> Markup:
    words = f"{bar.name}: {bar.answered} answered, {bar.unanswered} not answered, {bar.failed} failed"
    parts = [element("title", words)]
    below = 0
    for kind, count in (("talking", bar.answered), ("ringing", bar.unanswered), ("failed", bar.failed)):
        if count:
            top, bottom = _y((below + count) / most), _y(below / most)
            parts.append(
                element("rect", x=x + step * 0.1, y=top, width=step * 0.8, height=bottom - top, class_=kind)
            )
            below += count
    return element("g", *parts)


def _names(names: Sequence[str], step: float) -> list[Markup]:
    """Every so manyth name, so that about six are there."""
    every = max(1, -(-len(names) // 6))
    return [
        element(
            "text",
            names[place],
            x=_LEFT + step * (place + 0.5),
            y=_HEIGHT - 8,
            text_anchor="middle",
            class_="tick",
        )
        for place in range(0, len(names), every)
    ]


def _along(share: float) -> float:
    return _LEFT + (_WIDTH - _LEFT - _RIGHT) * share


def _strokes(places: Sequence[tuple[float, float, float, float] | None], kind: str) -> list[Markup]:
    """A line, interrupted where there is no value."""
    strokes: list[Markup] = []
    run: list[str] = []
    for place in (*places, None):
        if place is not None:
            run.append(f"{place[0]:.1f},{place[1]:.1f}")
        elif run:
            strokes.append(element("polyline", points=" ".join(run), class_=f"line {kind}"))
            run = []
    return strokes


def _dot(x: float, y: float, at: float, value: float, line: Line, unit: str) -> Markup:
    words = f"{line.name}, until {clock(at)}: {value:.2f} {unit}".rstrip()
    return element("circle", element("title", words), cx=x, cy=y, r=2.5, class_=f"dot {line.kind}")


def _seconds(end_s: float) -> list[Markup]:
    """The moments along the foot, six at most."""
    step = next(
        (step for step in _STEPS_S if end_s / step <= 6), 3600 * max(1, -(-round(end_s) // (6 * 3600)))
    )
    return [
        element("text", clock(at), x=_along(at / end_s), y=_HEIGHT - 8, text_anchor="middle", class_="tick")
        for at in range(0, int(end_s) + 1, step)
        if at <= end_s * 0.97 or at == 0
    ]


def clock(seconds: float) -> str:
    """`1:05`, `2:00:00`."""
    whole = round(seconds)
    minutes = f"{whole // 60 % 60}:{whole % 60:02}"
    return f"{whole // 3600}:{minutes.rjust(5, '0')}" if whole >= 3600 else minutes


def _range(line: Line, unit: str) -> str:
    known = [value for _, value in line.points if value is not None]
    return f"{min(known):.2f} to {max(known):.2f} {unit}".rstrip() if known else "no figures"
