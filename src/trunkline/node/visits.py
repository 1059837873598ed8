"""Who knocked lately and left no other trace: refused passwords and registrations without one by user name,
health checks and weak TLS by source.

For the eyes of whoever sets a PBX up (`trunkline pbx check`, the dashboard): registrations and calls have
records of their own. Strangers can write here, so each book is bounded and forgets the oldest.
"""

from collections import OrderedDict
from typing import NamedTuple, TypeVar

from trunkline.clock import Clock
from trunkline.sip.fronted import described, source_of
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
    realm: str
    """The password was for this realm, which is not ours; empty: for ours."""


class Without(NamedTuple):
    """A REGISTER without credentials, which is challenged."""

    at: float
    """Wall-clock seconds."""
    source: str
    """`transport address:port`."""


class WeakTls(NamedTuple):
    """A connection that speaks TLS below 1.2."""

    at: float
    """When it was made; wall-clock seconds."""
    version: str
    """Such as `TLSv1`."""


class Visits:
    """One per node. Runs on its loop."""

    __slots__ = ("_asked", "_clock", "_refused", "_weak_tls", "_without")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._refused: OrderedDict[str, Refused] = OrderedDict()
        self._asked: OrderedDict[str, float] = OrderedDict()
        self._weak_tls: OrderedDict[str, WeakTls] = OrderedDict()
        self._without: OrderedDict[str, Without] = OrderedDict()

    def refused(self, flow: Flow, username: str, realm: str = "") -> None:
        """A wrong password for a user name, whether that exists or not, or one for another `realm`."""
        if len(username) <= _NAME_MAX:
            refused = Refused(self._clock.wall(), described(flow), realm[:_NAME_MAX])
            _remember(self._refused, username, refused)

    def without(self, flow: Flow, username: str) -> None:
        """A REGISTER for a user name came without credentials."""
        if len(username) <= _NAME_MAX:
            _remember(self._without, username, Without(self._clock.wall(), described(flow)))

    def weak_tls(self, flow: Flow, version: str) -> None:
        """A connection speaks TLS below 1.2."""
        _remember(self._weak_tls, flow.remote.host, WeakTls(self._clock.wall(), version))

    def asked(self, flow: Flow) -> None:
        """An OPTIONS outside a call was answered."""
        _remember(self._asked, source_of(flow).host, self._clock.wall())

    def last_refused(self, username: str) -> Refused | None:
        """The last wrong password for a user name."""
        return self._refused.get(username)

    def last_without(self, username: str) -> Without | None:
        """The last REGISTER without credentials for a user name."""
        return self._without.get(username)

    def last_weak_tls(self, host: str) -> WeakTls | None:
        """The last time a host spoke TLS below 1.2."""
        return self._weak_tls.get(host)

    def weak_tls_since(self, at: float) -> dict[str, WeakTls]:
        """The hosts that spoke it at or after a wall-clock second, the latest last."""
        return {host: seen for host, seen in self._weak_tls.items() if seen.at >= at}

    def last_asked(self, host: str) -> float | None:
        """When a host last asked for our health; wall-clock seconds."""
        return self._asked.get(host)


def _remember(book: OrderedDict[str, _T], key: str, value: _T) -> None:
    book.pop(key, None)
    book[key] = value
    if len(book) > MOST:
        book.popitem(last=False)
