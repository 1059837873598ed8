"""Why a port can't be had, in words that say what helps."""

import errno

PRIVILEGED_PORTS = 1024
"""Ports below need CAP_NET_BIND_SERVICE (capabilities(7))."""


def why_not_bound(error: OSError, port: int) -> str:
    """What the system said of an address that was to be bound, and what it does not say."""
    said = error.strerror or str(error)
    if error.errno == errno.EACCES and port < PRIVILEGED_PORTS:
        return (
            f"{said}; ports below {PRIVILEGED_PORTS} need the unit that `trunkline systemd` prints, or root"
        )
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{said}; this machine does not have that address"
    return said
