"""Which of this machine's addresses the kernel sends from: the one whose network leads there."""

import socket


def source_address(host: str) -> str | None:
    """What packets to the address literal `host` leave from; None without a route. Sends nothing."""
    try:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect((host, 9))
            return str(probe.getsockname()[0])
    except OSError:
        return None
