"""Routes: the longest E.164 prefix names the carriers of a call, in which order and in which proportion.

Order within a route follows RFC 2782: lower priority first; among equals, drawn by weight. Drawing needs
chance, which comes in as `pick`.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from trunkline.errors import DirectoryError
from trunkline.trunk.account import check_key
from trunkline.trunk.e164 import checked_prefix

ALL = "all"
"""What people call the empty prefix, which matches every number."""
MAX_PRIORITY = 65535
MAX_WEIGHT = 65535
MAX_PRICE = 1000.0
"""Of a minute."""

Pick = Callable[[Sequence[int]], int]
"""Draws an index with a probability in proportion to the weights given (all 0: all alike). Never called with
none."""


class Ordered(Protocol):
    """Something with a place among its like."""

    @property
    def priority(self) -> int: ...

    @property
    def weight(self) -> int: ...


_Item = TypeVar("_Item", bound=Ordered)


def in_order(items: Sequence[_Item], pick: Pick) -> list[_Item]:
    """`items` by priority, and drawn by weight among equals (RFC 2782 "Weight"); each exactly once."""
    if len(items) < 2:
        return list(items)
    ordered: list[_Item] = []
    for priority in sorted({item.priority for item in items}):
        waiting = [item for item in items if item.priority == priority]
        while len(waiting) > 1:
            ordered.append(waiting.pop(pick([item.weight for item in waiting])))
        ordered.extend(waiting)
    return ordered


def check_order(priority: int, weight: int, whose: str) -> None:
    """Raise `DirectoryError` unless both are 0 to 65535 (the ranges of RFC 2782)."""
    if not (0 <= priority <= MAX_PRIORITY and 0 <= weight <= MAX_WEIGHT):
        raise DirectoryError(f"{whose}: priority and weight are 0 to {MAX_WEIGHT}")


@dataclass(frozen=True, slots=True)
class RouteCarrier:
    """One carrier of a route."""

    carrier: str
    """The carrier's name."""
    priority: int = 0
    """0 to 65535, lower first."""
    weight: int = 1
    """0 to 65535: its share among carriers of the same priority."""

    def __post_init__(self) -> None:
        check_key(self.carrier)
        check_order(self.priority, self.weight, f"carrier {self.carrier} of a route")


@dataclass(frozen=True, slots=True)
class Route:
    """The carriers for numbers that begin with `prefix` (digits; empty: every number)."""

    prefix: str
    carriers: tuple[RouteCarrier, ...]
    price_per_minute: float = 0.0
    """What a minute of a call costs the account, 0 to 1000, in a currency that is the operator's to name.
    For the accounts' daily limits."""

    def __post_init__(self) -> None:
        if not 0.0 <= self.price_per_minute <= MAX_PRICE:
            raise DirectoryError(f"route {self.prefix or ALL!r}: the price of a minute is 0 to {MAX_PRICE:g}")
        if checked_prefix(self.prefix) != self.prefix:
            raise DirectoryError(f"route {self.prefix or ALL!r}: the prefix must be digits only")
        if not self.carriers:
            raise DirectoryError(f"route {self.prefix or ALL!r}: at least one carrier is needed")
        if len({item.carrier for item in self.carriers}) != len(self.carriers):
            raise DirectoryError(f"route {self.prefix or ALL!r}: a carrier is named twice")


class RouteTable:
    """All routes; finds the longest matching prefix with at most 16 dictionary look-ups."""

    __slots__ = ("_by_prefix", "_lengths")

    def __init__(self, routes: Iterable[Route] = ()) -> None:
        self._by_prefix = {route.prefix: route for route in routes}
        self._lengths = sorted({len(prefix) for prefix in self._by_prefix}, reverse=True)

    def find(self, digits: str) -> Route | None:
        """The route of the number `digits`, or None when no prefix matches."""
        for length in self._lengths:
            route = self._by_prefix.get(digits[:length])
            if route is not None:
                return route
        return None

    def __iter__(self) -> Iterator[Route]:
        return iter(self._by_prefix.values())

    def __len__(self) -> int:
        return len(self._by_prefix)
