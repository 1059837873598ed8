"""What the process tells the service manager that started it (sd_notify(3)): that calls are taken, that it
stops.
"""

import os
import socket

import structlog

READY = "READY=1"
STOPPING = "STOPPING=1"


def notify(state: str) -> None:
    """Tell `state`; nothing where nobody asked by NOTIFY_SOCKET. A manager that can't be told is logged."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
            # A name in the abstract namespace (unix(7)) is written with @ for its first byte, which is 0.
            line.sendto(state.encode(), f"\0{address[1:]}" if address.startswith("@") else address)
    except OSError as error:
        structlog.get_logger().warning("the service manager was not told", state=state, reason=str(error))
