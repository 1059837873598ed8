"""A million numbers in a hundred megabytes: their records, found by digits and by server.

What was loaded stands in three arrays: the digits in order, where each record ends, and the records one after
the other. What changed since stands in a dictionary in front of them. So a look-up is a bisection, a change
touches one entry, and to let go of a table costs the same whatever it holds (a dictionary of a million texts
would hold the event loop for a tenth of a second).

`Directory` reads and changes one; `store` fills one with `append`, in the order of the digits.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from trunkline.trunk.e164 import MAX_DIGITS, MIN_DIGITS
from trunkline.trunk.number import Number
from trunkline.trunk.number_record import RECORD, pack, servers_of, unpack


class Piece(NamedTuple):
    """Some numbers that follow each other."""

    keys: list[int]
    """The digits of each, as a whole number that orders as their text does."""
    records: str
    """The record of each, and `RECORD` behind each."""

    def numbers(self) -> Iterator[tuple[str, str]]:
        """The digits and the record of each. Raises `ValueError` when the two don't match."""
        *records, rest = self.records.split(RECORD)
        if rest:
            raise ValueError("a record has no end")
        return zip(map(_digits, self.keys), records, strict=True)


class NumberTable:
    """See the module."""

    __slots__ = ("_at", "_changed", "_count", "_counts", "_ends", "_keys", "_records")

    def __init__(self) -> None:
        self._keys = array("Q")
        self._ends = array("Q")
        self._records = bytearray()
        self._changed: dict[str, str | None] = {}
        """None: it is gone."""
        self._count = 0
        self._counts: dict[str, int] = {}
        self._at: dict[str, array[int]] = {}
        """By server, every number that ever led there since the table was loaded."""

    def __len__(self) -> int:
        return self._count

    def append(self, e164: str, record: str, servers: Iterable[str]) -> None:
        """Load a number whose digits, as text, come after those of all others; `servers` are those that its
        endpoints lead to. Raises `ValueError` when its digits are out of order.
        """
        key = _key(e164)
        if self._keys and key <= self._keys[-1]:
            raise ValueError(f"{e164} is out of order")
        self._keys.append(key)
        self._records += (record + RECORD).encode("utf-8", "surrogatepass")
        self._ends.append(len(self._records))
        self._count += 1
        for server in servers:
            self._lead(key, server)

    def record(self, e164: str) -> str | None:
        """The record of the number (`number_record`); None: there is none."""
        if self._changed and e164 in self._changed:
            return self._changed[e164]
        if not (MIN_DIGITS <= len(e164) <= MAX_DIGITS and e164.isascii() and e164.isdigit()):
            return None
        key = _key(e164)
        place = bisect_left(self._keys, key)
        if place == len(self._keys) or self._keys[place] != key:
            return None
        start = self._ends[place - 1] if place else 0
        return self._records[start : self._ends[place] - 1].decode("utf-8", "surrogatepass")

    def number(self, e164: str) -> Number | None:
        """The number with these digits."""
        record = self.record(e164)
        return None if record is None else unpack(e164, record)

    def put(self, number: Number) -> Number | None:
        """Take over a number that is new or has changed; the one that it replaces."""
        record = pack(number)
        before = self.remove(number.e164)
        self._changed[number.e164] = record
        self._count += 1
        led = () if before is None else servers_of(before)
        for server in servers_of(number):
            if server in led and server in self._at:
                self._counts[server] += 1
            else:
                self._lead(_key(number.e164), server)
        return before

    def remove(self, e164: str) -> Number | None:
        """Let go of a number; the one that was there."""
        before = self.number(e164)
        if before is None:
            return None
        self._changed[e164] = None
        self._count -= 1
        for server in servers_of(before):
            self._counts[server] -= 1
            if not self._counts[server]:
                del self._counts[server], self._at[server]
        return before

    def _lead(self, key: int, server: str) -> None:
        at = self._at.get(server)
        if at is None:
            at = self._at[server] = array("Q")
            self._counts[server] = 0
        at.append(key)
        self._counts[server] += 1

    def leads_to(self, server: str) -> bool:
        """Whether an endpoint of any number is at `server` (`number_record.server_of`)."""
        return server in self._counts

    def servers(self) -> Iterator[str]:
        """All servers that endpoints are at."""
        return iter(self._counts)

    def at(self, server: str) -> Iterator[Number]:
        """The numbers with an endpoint at `server`, as they are asked for."""
        seen: set[int] = set()
        for key in self._at.get(server, ()):
            number = None if key in seen else self.number(_digits(key))
            if number is not None and server in servers_of(number):
                seen.add(key)
                yield number

    def pieces(self, size: int) -> Iterator[Piece]:
        """All that was loaded, `size` numbers at a time."""
        start = 0
        for first in range(0, len(self._keys), size):
            keys = self._keys[first : first + size]
            end = self._ends[first + len(keys) - 1]
            yield Piece(keys.tolist(), self._records[start:end].decode("utf-8", "surrogatepass"))
            start = end


def _key(e164: str) -> int:
    """The digits and how many they are, so that a prefix comes before what it begins: below 2⁶⁴."""
    return int(e164.ljust(MAX_DIGITS, "0")) << 4 | len(e164)


def _digits(key: int) -> str:
    return str(key >> 4).ljust(MAX_DIGITS, "0")[: key & 15]
