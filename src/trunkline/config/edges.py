"""The edges of the service: the hosts that customers send to, and that calls to them come from.

Those of the settings; where none are listed, this node is the only one.
"""

from ipaddress import ip_address
from typing import NamedTuple

from trunkline.config.advertised import advertised_host
from trunkline.config.settings import Settings
from trunkline.errors import ConfigError


class PublishedEdge(NamedTuple):
    """One edge."""

    name: str
    """Its name below the service domain."""
    region: str | None
    addresses: tuple[str, ...]
    """IP addresses, one or more."""


def published_edges(settings: Settings) -> list[PublishedEdge]:
    """Every edge, in the order of the settings. Raises `ConfigError` when no address is known."""
    if settings.edges:
        return [PublishedEdge(edge.name, edge.region, tuple(edge.addresses)) for edge in settings.edges]
    hosts = {
        advertised_host(settings, bound.host)
        for bound in (*settings.sip.udp, *settings.sip.tcp, *settings.sip.tls)
    }
    addresses = tuple(sorted(host for host in hosts if _is_address(host)))
    if not addresses:
        raise ConfigError(
            "this node's address is not known: set sip.advertised_host to it, or list [[edges]]"
        )
    return [PublishedEdge(settings.node.name, settings.node.region, addresses)]


def _is_address(host: str) -> bool:
    try:
        return bool(ip_address(host))
    except ValueError:
        return False
