"""The SIP ladder of a call as a picture, and the same as rows for a table.

The caller is at the left, Trunkline next to it, then the attempts in their order, as in
`observe.ladder_text`. Each arrow leads to the text of its message on the same page, `#message-N`. Of a long
ladder the beginning and the end are shown: `STEPS_FIRST`, `STEPS_LAST`, `MAX_LEGS`.
"""

from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup, escape

from trunkline.observe.ladder_text import label_of, repeated
from trunkline.observe.message import LadderMessage
from trunkline.web.dashboard.svg import clipped, element, picture
from trunkline.web.dashboard.wording import short

STEPS_FIRST = 300
STEPS_LAST = 100
MAX_LEGS = 16
"""The caller's leg and the first attempts."""
MAX_TEXT = 16_384
"""Characters of one message."""
_LABEL = 27
_MARGIN, _GAP, _TOP, _ROW, _FOOT = 76, 216, 58, 30, 12


class Step(NamedTuple):
    """One message of the ladder."""

    number: int
    """1 for the first message of the call."""
    after_s: float
    """Seconds since that one."""
    leg: int
    sent: bool
    label: str
    """Method or status."""
    again: bool
    """The same was sent before."""
    way: str
    """From where to where, in words."""
    peer: str
    """`transport address:port` of the other side."""
    text: Markup
    """The whole message, harmless."""


class Steps(NamedTuple):
    """What is shown of a ladder."""

    shown: Sequence[Step]
    left_out: int
    """How many messages are not."""
    heads: Sequence[str]
    """Name of each column."""


def steps(messages: Sequence[LadderMessage]) -> Steps:
    """The messages of a call for people, oldest first."""
    again = repeated(messages)
    places = [place for place, message in enumerate(messages) if message.leg < MAX_LEGS]
    if len(places) > STEPS_FIRST + STEPS_LAST:
        places = places[:STEPS_FIRST] + places[-STEPS_LAST:]
    legs = max((messages[place].leg for place in places), default=0)
    heads = ["Caller", "Trunkline", *(["Callee"] if legs == 1 else _attempts(legs))]
    shown = [_step(place, messages[place], messages[0].at, heads, again=again[place]) for place in places]
    return Steps(shown, len(messages) - len(shown), heads)


def ladder_picture(ladder: Steps) -> Markup:
    """The picture."""
    columns = [_MARGIN + _GAP * (place + 0.5) for place in range(len(ladder.heads))]
    width = _MARGIN + _GAP * len(columns)
    height = _TOP + _ROW * (len(ladder.shown) + 1) + _FOOT
    parts = [_column(x, head, place, height) for place, (x, head) in enumerate(_named(ladder, columns))]
    before = 0
    for row, step in enumerate(ladder.shown):
        y = _TOP + _ROW * (row + 1)
        if step.number != before + 1:
            parts.append(element("text", "⋮", x=_MARGIN / 2, y=y - _ROW / 2 + 4, class_="gap"))
        before = step.number
        parts.append(_arrow(step, columns, y))
    about = f"{len(ladder.shown)} SIP messages between {', '.join(ladder.heads)}. The table has the same."
    return picture("SIP ladder", about, width, height, *parts, id_="ladder", role="group")


def _attempts(legs: int) -> list[str]:
    return [f"Attempt {leg}" for leg in range(1, legs + 1)]


def _step(place: int, message: LadderMessage, started: float, heads: Sequence[str], *, again: bool) -> Step:
    ends = "Trunkline", heads[0 if message.leg == 0 else message.leg + 1]
    origin, target = ends if message.sent else ends[::-1]
    return Step(
        number=place + 1,
        after_s=message.at - started,
        leg=message.leg,
        sent=message.sent,
        label=label_of(message.data),
        again=again,
        way=f"{origin} → {target}",
        peer=f"{message.transport} {message.remote}",
        text=_text(message.data),
    )


def _text(data: bytes) -> Markup:
    whole = data.decode("utf-8", "backslashreplace").replace("\r\n", "\n")
    return escape(short(whole, MAX_TEXT))


def _named(ladder: Steps, columns: Sequence[float]) -> list[tuple[float, tuple[str, str]]]:
    """Each column's place, name and address."""
    peers = {0 if step.leg == 0 else step.leg + 1: step.peer for step in reversed(ladder.shown)}
    return [
        (x, (head, peers.get(place, "")))
        for place, (x, head) in enumerate(zip(columns, ladder.heads, strict=True))
    ]


def _column(x: float, head: tuple[str, str], place: int, height: float) -> Markup:
    name, peer = head
    return element(
        "g",
        element("text", name, x=x, y=18, class_="head", text_anchor="middle"),
        element("text", clipped(peer, _LABEL), x=x, y=36, class_="peer", text_anchor="middle"),
        element(
            "line",
            x1=x,
            y1=_TOP - 12,
            x2=x,
            y2=height - _FOOT,
            class_="lifeline own" if place == 1 else "lifeline",
        ),
    )


def _arrow(step: Step, columns: Sequence[float], y: float) -> Markup:
    own, peer = columns[1], columns[0 if step.leg == 0 else step.leg + 1]
    start, end = (own, peer) if step.sent else (peer, own)
    back = 9 if start < end else -9
    words = f"{clipped(step.label, _LABEL)}{' · again' if step.again else ''}"
    name = f"{step.after_s:+.3f} s, {step.way}: {words}"
    return element(
        "a",
        element("title", name),
        element("rect", x=0, y=y - _ROW + 6, width=max(own, peer), height=_ROW, class_="target"),
        element("text", f"{step.after_s:+.3f}", x=_MARGIN - 10, y=y + 4, class_="time", text_anchor="end"),
        element("text", words, x=(own + peer) / 2, y=y - 6, class_="label", text_anchor="middle"),
        element("line", x1=start, y1=y, x2=end - back, y2=y, class_="shaft"),
        element("path", d=f"M{end:.0f} {y:.0f}l{-back} -5v10z", class_="tip"),
        href=f"#message-{step.number}",
        aria_label=name,
        class_=" ".join(["step", _tone(step.label), *(["again"] if step.again else [])]),
    )


def _tone(label: str) -> str:
    """`request`, or what a response's class means."""
    if not label[:3].isdigit():
        return "request"
    return {"1": "provisional", "2": "success", "3": "redirection"}.get(label[0], "failure")
