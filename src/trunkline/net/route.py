"""Which of the addresses that we listen on a packet should leave from: the one whose network leads there."""

import socket
from collections.abc import Callable

from trunkline.net.flows import is_loopback, is_wildcard


def source_address(host: str) -> str | None:
    """What the kernel would send packets to the address literal `host` from; None without a route. Sends
    nothing.
    """
    try:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect((host, 9))
            return str(probe.getsockname()[0])
    except OSError:
        return None


def misfit_towards(host: str) -> Callable[[str], int]:
    """How badly packets to `host` leave from a socket, by the address it is bound to: 0 for the one that the
    route has (RFC 1122 §3.3.4.3), since from any other one they may not arrive, nor their answers. Loopback
    stays within loopback.
    """
    source = source_address(host)
    loopback = is_loopback(host)

    def misfit(bound: str) -> int:
        if bound == source or is_wildcard(bound):
            return 0
        return 1 if is_loopback(bound) == loopback else 2

    return misfit
