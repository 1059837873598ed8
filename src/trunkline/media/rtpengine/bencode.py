"""Bencode (BEP 3) as rtpengine's ng protocol uses it: integers, strings of bytes, lists and dictionaries.

The libraries that exist refuse what rtpengine sends (its dictionaries are not sorted) or recurse without a
bound. Here keys come in any order and the last of two equal ones counts; depth, items and digits are bounded,
and whatever is wrong raises one error. Text is encoded as UTF-8; what is read stays bytes, keys apart.
Reading is native: in Python it took most of what a call that is up costs.
"""

from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from trunkline._native import decode_bencode
from trunkline.errors import MediaError

MAX_DEPTH: Final = 12
"""Containers within each other. A `query` answer has seven."""
MAX_ITEMS: Final = 50_000

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
    return decode_bencode(data, start, max_depth=MAX_DEPTH, max_items=MAX_ITEMS)
