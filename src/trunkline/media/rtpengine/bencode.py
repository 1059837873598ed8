"""Bencode (BEP 3) as rtpengine's ng protocol uses it: integers, strings of bytes, lists and dictionaries.

The libraries that exist refuse what rtpengine sends (its dictionaries are not sorted) or recurse without a
bound. Here keys come in any order and the last of two equal ones counts; depth, items and digits are bounded,
and whatever is wrong raises one error. Text is encoded as UTF-8; what is read stays bytes, keys apart.
"""

from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from trunkline.errors import MediaError

MAX_DEPTH: Final = 12
"""Containers within containers. A `query` answer has six."""
MAX_ITEMS: Final = 50_000
_MAX_DIGITS: Final = 20

Value: TypeAlias = int | bytes | list["Value"] | dict[str, "Value"]
Encodable: TypeAlias = int | str | bytes | Sequence["Encodable"] | Mapping[str, "Encodable"]


class BencodeError(MediaError):
    """Bytes that are no bencoded value, or one beyond the bounds."""


class CutShortError(BencodeError):
    """The value goes on after the last byte."""


def encode(value: Encodable) -> bytes:
    """`value` in bencode. Keys keep their order."""
    parts: list[bytes] = []
    _write(value, parts)
    return b"".join(parts)


def _write(value: Encodable, parts: list[bytes]) -> None:
    match value:
        case int():
            parts.append(b"i%de" % value)
        case str() | bytes():
            raw = value.encode() if isinstance(value, str) else value
            parts += (b"%d:" % len(raw), raw)
        case Mapping():
            parts.append(b"d")
            for key, item in value.items():
                _write(key, parts)
                _write(item, parts)
            parts.append(b"e")
        case _:
            parts.append(b"l")
            for item in value:
                _write(item, parts)
            parts.append(b"e")


def decode(data: bytes) -> Value:
    """The one value that `data` is. Raises `BencodeError`."""
    value, end = decode_first(data)
    if end != len(data):
        raise BencodeError(f"{len(data) - end} bytes follow the value")
    return value


def decode_first(data: bytes, start: int = 0) -> tuple[Value, int]:
    """The value that begins at `start`, and where it ends. Raises `CutShortError` when more is needed, and
    `BencodeError` when nothing would help.
    """
    reader = _Reader(data, start)
    return reader.value(0), reader.at


class _Reader:
    __slots__ = ("at", "data", "items")

    def __init__(self, data: bytes, at: int) -> None:
        self.data = data
        self.at = at
        self.items = 0

    def value(self, depth: int) -> Value:
        self.items += 1
        if depth > MAX_DEPTH or self.items > MAX_ITEMS:
            raise BencodeError("the value is too deep or too large")
        match self._peek():
            case b"i":
                self.at += 1
                return self._number(b"e")
            case b"l":
                return self._list(depth)
            case b"d":
                return self._dictionary(depth)
            case _:
                return self._string()

    def _list(self, depth: int) -> list[Value]:
        self.at += 1
        found: list[Value] = []
        while self._peek() != b"e":
            found.append(self.value(depth + 1))
        self.at += 1
        return found

    def _dictionary(self, depth: int) -> dict[str, Value]:
        self.at += 1
        found: dict[str, Value] = {}
        while self._peek() != b"e":
            key = self._string().decode(errors="replace")
            found[key] = self.value(depth + 1)
        self.at += 1
        return found

    def _string(self) -> bytes:
        length = self._number(b":")
        if length < 0:
            raise BencodeError("a string of negative length")
        begin, self.at = self.at, self.at + length
        if self.at > len(self.data):
            raise CutShortError("a string is cut short")
        return self.data[begin : self.at]

    def _number(self, end: bytes) -> int:
        stop = self.data.find(end, self.at, self.at + _MAX_DIGITS + 1)
        digits = self.data[self.at : stop if stop >= 0 else self.at + _MAX_DIGITS + 1]
        if not digits.removeprefix(b"-").isdigit() and not (stop < 0 and digits in {b"", b"-"}):
            raise BencodeError("not a number where one belongs")
        if stop < 0:
            if len(digits) > _MAX_DIGITS:
                raise BencodeError("a number of too many digits")
            raise CutShortError("a number is cut short")
        self.at = stop + 1
        return int(digits)

    def _peek(self) -> bytes:
        if self.at >= len(self.data):
            raise CutShortError("the value is cut short")
        return self.data[self.at : self.at + 1]
