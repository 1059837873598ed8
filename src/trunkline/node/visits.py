"""Who knocked lately and left no other trace: refused passwords by user name, health checks by source.

For the eyes of whoever sets a PBX up (`trunkline pbx check`, the dashboard): registrations and calls have
records of their own. Strangers can write here, so each book is bounded and forgets the oldest.
"""

from collections import OrderedDict
from typing import NamedTuple, TypeVar

from trunkline.clock import Clock
from trunkline.sip.ports import Flow

MOST = 2000
"""User names, and sources, that are remembered."""
_NAME_MAX = 64
_T = TypeVar("_T")


class Refused(NamedTuple):
    """A wrong password."""

    at: float
    """Wall-clock seconds."""
    source: str
    """`transport address:port`."""


class Visits:
    """One per node. Runs on its loop."""

    __slots__ = ("_asked", "_clock", "_refused")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._refused: OrderedDict[str, Refused] = OrderedDict()
        self._asked: OrderedDict[str, float] = OrderedDict()

    def refused(self, flow: Flow, username: str) -> None:
        """A wrong password for a user name, whether that exists or not."""
        if len(username) <= _NAME_MAX:
            _remember(self._refused, username, Refused(self._clock.wall(), f"{flow.transport} {flow.remote}"))

    def asked(self, flow: Flow) -> None:
        """An OPTIONS outside a call was answered."""
        _remember(self._asked, flow.remote.host, self._clock.wall())

    def last_refused(self, username: str) -> Refused | None:
        """The last wrong password for a user name."""
        return self._refused.get(username)

    def last_asked(self, host: str) -> float | None:
        """When a host last asked for our health; wall-clock seconds."""
        return self._asked.get(host)


def _remember(book: OrderedDict[str, _T], key: str, value: _T) -> None:
    book.pop(key, None)
    book[key] = value
    if len(book) > MOST:
        book.popitem(last=False)
