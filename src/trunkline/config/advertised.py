"""What peers are told instead of the addresses that the sockets are bound to."""

import socket
from ipaddress import ip_address

from trunkline.config.settings import Settings

_ANYWHERE = {socket.AF_INET: "192.0.2.1", socket.AF_INET6: "2001:db8::1"}
"""Addresses for documentation (RFC 5737, RFC 3849): nothing is sent to them."""


def own_address(*, ipv6: bool) -> str | None:
    """The address that packets to the world leave from, None without a route. Sends nothing."""
    family = socket.AF_INET6 if ipv6 else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((_ANYWHERE[family], 9))
            return str(probe.getsockname()[0])
    except OSError:
        return None


def advertised_host(settings: Settings, bound: str) -> str:
    """What Via and Contact say for a socket bound to `bound`."""
    ipv6 = ":" in bound
    named = settings.sip.advertised_host_ipv6 if ipv6 else settings.sip.advertised_host
    return named or reachable(bound)


def reachable(bound: str) -> str:
    """`bound`, or for a wildcard the address that the world sees us by, as far as this machine knows."""
    if not ip_address(bound).is_unspecified:
        return bound
    ipv6 = ":" in bound
    return own_address(ipv6=ipv6) or ("::1" if ipv6 else "127.0.0.1")
