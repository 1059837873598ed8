"""A call's ladder for a person at a terminal: arrows between the caller, Trunkline and each attempt, or
every message whole.

Both forms are plain ASCII apart from what a message itself holds, and no byte of a message reaches the
terminal as a control character.
"""

from collections.abc import Sequence

from trunkline.observe.message import LadderMessage

_GAP = 30
"""Characters between two lifelines."""
_MARGIN = 12
"""Characters for the time at the left."""


def render_ladder(messages: Sequence[LadderMessage]) -> str:
    """Return the ladder: one line for each message, its time in seconds since the first one.

    The caller is at the left, Trunkline next to it, then the attempts in their order. `again` marks a
    message that was sent before (`repeated`).
    """
    if not messages:
        return "no messages\n"
    legs = max(message.leg for message in messages)
    columns = [_MARGIN + _GAP * column for column in range(legs + 2)]
    lines = _heading(messages, legs, columns)
    started = messages[0].at
    for message, again in zip(messages, repeated(messages), strict=True):
        label = label_of(message.data) + (" again" if again else "")
        own, peer = columns[1], columns[0] if message.leg == 0 else columns[message.leg + 1]
        lines.append(
            _arrow(f"{message.at - started:+.3f}", columns, (own, peer), label, outward=message.sent)
        )
    return "\n".join(line.rstrip() for line in lines) + "\n"


def render_messages(messages: Sequence[LadderMessage]) -> str:
    """Return every message whole, each under a line with its time, way, transport and addresses."""
    if not messages:
        return "no messages\n"
    started = messages[0].at
    parts: list[str] = []
    for message in messages:
        way = ("to" if message.sent else "from") + (
            " caller" if message.leg == 0 else f" attempt {message.leg}"
        )
        parts.append(
            f"--- {message.at - started:+.3f} s {way}, {message.transport} {_printable(str(message.remote))}"
            f" (our side {_printable(str(message.local))}), {len(message.data)} bytes"
        )
        text = message.data.decode("utf-8", "backslashreplace").replace("\r\n", "\n")
        parts += [_printable(line) for line in text.split("\n")]
    return "\n".join(parts) + "\n"


def repeated(messages: Sequence[LadderMessage]) -> list[bool]:
    """For each message whether it is the same, byte for byte, as an earlier one of its leg and direction (RFC
    3261 §17: a retransmission)."""
    seen: set[tuple[int, bool, bytes]] = set()
    found = []
    for message in messages:
        key = (message.leg, message.sent, message.data)
        found.append(key in seen)
        seen.add(key)
    return found


def label_of(data: bytes) -> str:
    """The method or the status of a message, and what body there is, without control characters."""
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    words = lines[0].decode("utf-8", "backslashreplace").split(" ")
    if words[0].upper().startswith("SIP/"):
        label = " ".join(words[1:])
        method = next(
            (line.split()[-1] for line in lines if line[:5].lower() == b"cseq:" and b" " in line), b""
        )
        if method and method != b"INVITE":
            label += f" ({method.decode('ascii', 'backslashreplace')})"
    else:
        label = words[0]
    if body:
        label += " +sdp" if b"application/sdp" in head.lower() else " +body"
    return _printable(label)


def _heading(messages: Sequence[LadderMessage], legs: int, columns: list[int]) -> list[str]:
    names = ["caller", "trunkline"] + (
        ["callee"] if legs == 1 else [f"attempt {leg}" for leg in range(1, legs + 1)]
    )
    places = [""] * (legs + 2)
    for message in reversed(messages):
        places[1] = _printable(str(message.local))
        places[0 if message.leg == 0 else message.leg + 1] = (
            f"{message.transport} {_printable(str(message.remote))}"
        )
    return [_centred(columns, names), _centred(columns, places)]


def _centred(columns: list[int], texts: list[str]) -> str:
    line = ""
    for column, text in zip(columns, texts, strict=True):
        shown = _cut(text, _GAP - 2)
        line = line.ljust(max(len(line) + 1 if line else 0, column - len(shown) // 2)) + shown
    return line


def _arrow(time: str, columns: list[int], ends: tuple[int, int], label: str, *, outward: bool) -> str:
    own, peer = ends
    left, right = min(ends), max(ends)
    width = right - left - 1
    body = f" {_cut(label, width - 6)} ".center(width - 2, "-")
    points_right = (peer > own) == outward
    shaft = f"-{body}>" if points_right else f"<{body}-"
    line = list(" " * (columns[-1] + 1))
    line[: len(time)] = time
    for column in columns:
        line[column] = "|"
    line[left + 1 : right] = shaft
    return "".join(line)


def _printable(text: str) -> str:
    return text if text.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "~"
