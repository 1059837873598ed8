"""What the transports have to say, as log lines: at most one a second for each source."""

import structlog

from trunkline.node.visits import Visits
from trunkline.observe.log import SourceLog
from trunkline.sip.ports import Address, Flow


class WireEvents:
    """The `TransportEvents` of a node."""

    def __init__(self, lines: SourceLog, visits: Visits) -> None:
        self._lines = lines
        self._visits = visits
        self._log = structlog.get_logger()

    def weak_tls_negotiated(self, flow: Flow, version: str) -> None:
        """A peer speaks TLS below 1.2."""
        self._visits.weak_tls(flow, version)
        self._lines.warning("weak TLS", flow.remote.host, version=version)

    def certificate_not_verified(self, flow: Flow, server_name: str | None) -> None:
        """A server's certificate was taken unseen."""
        self._lines.warning("certificate not verified", flow.remote.host, server_name=server_name)

    def connection_turned_away(self, remote: Address, reason: str) -> None:
        """A connection was refused."""
        self._lines.warning("connection turned away", remote.host, reason=reason)

    def faulted(self, where: str, error: Exception) -> None:
        """A message or connection met a fault of ours."""
        self._log.error("a fault in the service", where=where, exc_info=error)
