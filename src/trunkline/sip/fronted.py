"""A flow that leads through a front: a proxy of the service's own, which says where a message really came
from.

Everything that is about the way (where answers go, which connection, Via, Contact) is that of the flow to the
front. Everything that is about who is there (whose password was wrong, whose calls are a carrier's, what the
record says) asks `source_of`. Who is believed to be a front is `trunkline.net.fronts`.
"""

from typing import Final

from trunkline.sip.ports import Address, Flow, Transport


class FrontedFlow:
    """`way`, for what came from `source` to the front. Equal to the flow that it leads through."""

    __slots__ = ("_way", "source", "source_transport")

    def __init__(self, way: Flow, source: Address, source_transport: str) -> None:
        self._way = way
        self.source: Final = source
        self.source_transport: Final = source_transport
        """What the front took it by: `UDP`, `TCP`, `TLS` or another one."""

    @property
    def transport(self) -> Transport:
        return self._way.transport

    @property
    def remote(self) -> Address:
        return self._way.remote

    @property
    def sent_by(self) -> Address:
        return self._way.sent_by

    @property
    def closed(self) -> bool:
        return self._way.closed

    def send(self, data: bytes) -> None:
        self._way.send(data)

    def __eq__(self, other: object) -> bool:
        return self._way == (other._way if isinstance(other, FrontedFlow) else other)

    def __hash__(self) -> int:
        return hash(self._way)

    def __repr__(self) -> str:
        return f"<{described(self)} by {self._way!r}>"


def source_of(flow: Flow) -> Address:
    """Who sends over `flow`: the peer, or whom the front in between took it from."""
    return flow.source if isinstance(flow, FrontedFlow) else flow.remote


def described(flow: Flow) -> str:
    """That with its transport, as records have it: `UDP 192.0.2.1:5060`."""
    transport = flow.source_transport if isinstance(flow, FrontedFlow) else flow.transport
    return f"{transport} {source_of(flow)}"
