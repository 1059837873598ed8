"""Both legs of a call and every attempt on one timeline, as a picture.

Setting a call up takes seconds and talking takes minutes, so the axis has two scales where a call was
answered: the left part is the way to the answer, the right part the talk.
"""

from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup

from trunkline.call.record import AttemptRecord, CallRecord
from trunkline.web.dashboard.svg import clipped, element, picture
from trunkline.web.dashboard.wording import span

MAX_ROWS = 20
"""Of attempts; a call that has more shows its first ones."""
_WIDTH, _LEFT, _RIGHT, _TOP, _ROW, _BAR = 780, 216, 24, 34, 30, 14
_SETUP_SHARE = 0.62
_LABEL = 28


class _Row(NamedTuple):
    name: str
    began: float
    ringing: float | None
    answered: float | None
    ended: float
    failed: bool


class _Axis(NamedTuple):
    """Moments to pixels."""

    began: float
    turn: float
    """When the scale changes."""
    ended: float

    def x(self, at: float) -> float:
        width = _WIDTH - _LEFT - _RIGHT
        setup = self.turn - self.began
        talk = self.ended - self.turn
        share = 1.0 if talk <= 0 else _SETUP_SHARE
        at = min(max(at, self.began), self.ended)
        if at <= self.turn:
            at_once = 1.0 if talk > 0 else 0.0
            return _LEFT + width * share * ((at - self.began) / setup if setup > 0 else at_once)
        return _LEFT + width * (share + (1 - share) * (at - self.turn) / talk)


def timeline_picture(call: CallRecord, attempts: Sequence[AttemptRecord], now: float) -> Markup:
    """The picture; `now` (wall-clock seconds) is the end of what is under way."""
    ended = call.ended_at if call.ended_at is not None else max(now, call.setup_at)
    rows = [_Row("Caller", call.setup_at, call.ringing_at, call.answered_at, ended, _failed(call))]
    for attempt in attempts[:MAX_ROWS]:
        over = attempt.ended_at if attempt.ended_at is not None else ended
        name = f"{attempt.position}. {attempt.target}"
        rows.append(
            _Row(name, attempt.started_at, attempt.ringing_at, attempt.answered_at, over, _failed(attempt))
        )
    turn = call.answered_at if call.answered_at is not None else ended
    axis = _Axis(call.setup_at, turn, max(ended, turn))
    height = _TOP + _ROW * len(rows) + 34
    parts = [_tick(axis, at, name, height) for at, name in _ticks(call, ended)]
    parts += [_bar(axis, row, _TOP + _ROW * place) for place, row in enumerate(rows)]
    return picture("Timeline", _about(call, attempts, ended), _WIDTH, height, *parts, id_="timeline")


def _failed(record: CallRecord | AttemptRecord) -> bool:
    return record.answered_at is None and record.verdict is not None


def _ticks(call: CallRecord, ended: float) -> list[tuple[float, str]]:
    moments = [(call.setup_at, "0")] if ended > call.setup_at else []
    if call.ringing_at is not None:
        moments.append((call.ringing_at, f"rang +{call.ringing_at - call.setup_at:.1f} s"))
    if call.answered_at is not None:
        moments.append((call.answered_at, f"answered +{call.answered_at - call.setup_at:.1f} s"))
    word = "ended" if call.ended_at is not None else "now"
    moments.append((ended, f"{word} +{_lasted(ended - call.setup_at)}"))
    return moments


def _tick(axis: _Axis, at: float, name: str, height: float) -> Markup:
    x = axis.x(at)
    anchor = "start" if x < _LEFT + 40 else "end" if x > _WIDTH - _RIGHT - 80 else "middle"
    # Neighbours share two heights, so that they don't run into each other.
    y = height - 6 if name.startswith("answered") else height - 20
    return element(
        "g",
        element("line", x1=x, y1=_TOP - 12, x2=x, y2=height - 32, class_="grid-line"),
        element("text", name, x=x, y=y, text_anchor=anchor, class_="tick"),
    )


def _bar(axis: _Axis, row: _Row, y: float) -> Markup:
    waits = (
        row.ringing if row.ringing is not None else row.answered if row.answered is not None else row.ended
    )
    parts = [element("text", clipped(row.name, _LABEL), x=8, y=y + _BAR - 2, class_="label")]
    parts.append(_piece(axis, row.began, waits, y, "failed" if row.failed else "trying"))
    if row.ringing is not None:
        parts.append(_piece(axis, row.ringing, row.answered or row.ended, y, "ringing"))
    if row.answered is not None:
        parts.append(_piece(axis, row.answered, row.ended, y, "talking"))
    return element("g", *parts)


def _piece(axis: _Axis, began: float, ended: float, y: float, kind: str) -> Markup:
    left, right = axis.x(began), axis.x(ended)
    words = f"{kind}, {_lasted(ended - began)}"
    return element(
        "rect",
        element("title", words),
        x=left,
        y=y,
        width=max(2.0, right - left),
        height=_BAR,
        rx=3,
        class_=kind,
    )


def _lasted(seconds: float) -> str:
    """With hundredths where they tell something."""
    return span(seconds) if seconds >= 10 else f"{seconds:.2f} s"


def _about(call: CallRecord, attempts: Sequence[AttemptRecord], ended: float) -> str:
    words = [f"From the INVITE to the end {_lasted(ended - call.setup_at)}."]
    words.append(f"{len(attempts)} attempt{'' if len(attempts) == 1 else 's'}.")
    if call.answered_at is not None:
        words.append(f"Answered after {call.answered_at - call.setup_at:.1f} s.")
    return " ".join(words)
