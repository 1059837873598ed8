"""The table of TCP and TLS connections: which may be reused for what, and how many there may be.

RFC 3261 §18 indexes a connection by transport and far address, whichever side opened it. A TLS connection is
also bound to the name it was opened for and to whether that name was verified: it is never used for another
(RFC 5922, RFC 5923 §9.3). Accepted connections are bound to no name, so they carry requests to address
literals only. Via's `alias` (RFC 5923) is not offered: a peer behind NAT is reached over its flow, which the
dialog or the registration keeps.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

from trunkline.net.flows import source_key
from trunkline.net.settings import StreamLimits
from trunkline.net.stream import Connection
from trunkline.sip.failures import FlowFailure, FlowFailureKind
from trunkline.sip.ports import Address, Transport

RESERVED_SHARE: Final = 8
"""One in so many connections can't be taken by those who connect to us: our own calls must still get out."""
HOGGED: Final = FlowFailure(FlowFailureKind.CLOSED, "few connections are left, and most lead to this peer")
"""Why one ends that gives way."""


class Purpose(NamedTuple):
    """What a connection may be used for."""

    transport: Transport
    remote: Address
    server_name: str | None = None
    verified: bool = False


class Connections:
    """Every connection that is open or opening."""

    def __init__(self, limits: StreamLimits) -> None:
        self._limits: Final = limits
        self._purposes: dict[Connection, Purpose] = {}
        self._by_purpose: dict[Purpose, Connection] = {}
        self._accepted_from: dict[str, int] = {}
        self._ours_to: dict[str, dict[Connection, None]] = {}
        """Made by us, oldest first, by the source that they lead to."""
        self._strangers: dict[Connection, None] = {}
        """Accepted from a source that was unknown then, oldest first."""

    def __len__(self) -> int:
        return len(self._purposes)

    def all(self) -> list[Connection]:
        """A copy, so that they may be closed one by one."""
        return list(self._purposes)

    def find(self, purpose: Purpose) -> Connection | None:
        """The connection to use for `purpose`."""
        return self._by_purpose.get(purpose)

    def refusal(self, host: str | None) -> str | None:
        """Why one more connection may not be had, accepted from `host` or (None) made by us; None when it
        may.
        """
        allowed = self._limits.connections
        if host is not None:
            allowed -= allowed // RESERVED_SHARE
        if len(self._purposes) >= allowed:
            return f"{allowed} connections are open"
        if host is not None:
            of_source = self._accepted_from.get(source_key(host), 0)
            if of_source >= self._limits.connections_per_source:
                return f"{of_source} connections from this source are open"
        return None

    def make_room(self) -> None:
        """Before one more is had, made by us or accepted, end the one that gives way to it: where few are
        left, the oldest of ours to the source that more of ours lead to than it may have itself, and more
        than to any other. Peers name ports of theirs without end, and each is a connection for an hour.
        """
        allowed = self._limits.connections
        if len(self._purposes) < allowed - allowed // RESERVED_SHARE:
            return
        most = max(self._ours_to.values(), key=len, default={})
        if len(most) > self._limits.connections_per_source:
            next(iter(most)).end(HOGGED)

    def crowded_out(self, is_known: Callable[[str], bool]) -> Connection | None:
        """The connection that has to end before one more is accepted from a stranger: the oldest of a source
        that is unknown to this day, where there are too many; else None.
        """
        strangers = self._strangers
        while len(strangers) >= self._limits.connections_of_strangers:
            oldest = next(iter(strangers))
            del strangers[oldest]
            if not is_known(oldest.remote.host):
                return oldest
        return None

    def add(self, connection: Connection, purpose: Purpose, *, stranger: bool = False) -> None:
        """Count it, and offer it for `purpose` unless another connection already serves that."""
        self._purposes[connection] = purpose
        if stranger:
            self._strangers[connection] = None
        self._by_purpose.setdefault(purpose, connection)
        source = source_key(purpose.remote.host)
        if connection.accepted:
            self._accepted_from[source] = self._accepted_from.get(source, 0) + 1
        else:
            self._ours_to.setdefault(source, {})[connection] = None

    def remove(self, connection: Connection) -> None:
        """Forget it: it is closed."""
        purpose = self._purposes.pop(connection)
        self._strangers.pop(connection, None)
        if self._by_purpose.get(purpose) is connection:
            del self._by_purpose[purpose]
        source = source_key(purpose.remote.host)
        if connection.accepted:
            left = self._accepted_from[source] - 1
            if left:
                self._accepted_from[source] = left
            else:
                del self._accepted_from[source]
            return
        ours = self._ours_to[source]
        del ours[connection]
        if not ours:
            del self._ours_to[source]
