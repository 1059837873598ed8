"""How values look on a page.

What came from the network is shown as text: control characters and those that turn or hide text are made
visible, and nothing is longer than a page can bear.
"""

import re
import time
import unicodedata
from datetime import UTC, datetime

from markupsafe import Markup

MAX_SHOWN = 8192
"""Characters of one value, unless a template asks for fewer."""
_NOT_PLAIN = re.compile(r"[^\x20-\x7e\n\t]")
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def visible(value: object) -> object:
    """What a template puts out: markup as it is, None as nothing, text bounded and harmless."""
    if value is None:
        return ""
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    return short(value, MAX_SHOWN)


def short(value: str, most: int = 80) -> str:
    """At most `most` characters of a text, and how many are left out; control characters as pictures (Unicode
    control pictures) or as \\u escapes."""
    left_out = len(value) - most
    shown = _NOT_PLAIN.sub(_picture, value[:most])
    return f"{shown}… ({left_out} more)" if left_out > 0 else shown


def _picture(match: re.Match[str]) -> str:
    character = match[0]
    code = ord(character)
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "\u2421"
    if unicodedata.category(character) in _HIDDEN:
        return f"\\u{{{code:x}}}"
    return character


def moment(at: float | None) -> str:
    """A wall-clock second, in UTC: `2026-11-28 09:30:00`."""
    return "" if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S")


def iso(at: float) -> str:
    """The same for machines: the `datetime` of a `<time>`."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def span(seconds: float) -> str:
    """A time of some length: `42 s`, `3 min 5 s`, `2 h 10 min`, `3 days`."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s" if whole % 60 else f"{whole // 60} min"
    if whole < 86400:
        minutes = whole % 3600 // 60
        return f"{whole // 3600} h {minutes} min" if minutes else f"{whole // 3600} h"
    days = whole // 86400
    return f"{days} day{'s' if days > 1 else ''}"


def ago(at: float) -> str:
    """How long ago that was."""
    return f"{span(time.time() - at)} ago"


def phone(e164: str) -> str:
    """A number as people write it: with its plus. Anything that isn't digits stays."""
    return f"+{e164}" if e164.isascii() and e164.isdigit() and 7 <= len(e164) <= 15 else e164
