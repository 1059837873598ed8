"""Free ports on loopback addresses, and waiting for somebody to take one, or for anything else."""

import random
import socket
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

_MEDIA_SPAN = 120
_EPHEMERAL = 32768
_IN_A_ROW = 4
_given: set[int] = set()


def free_port(host: str = "127.0.0.1") -> int:
    """A port that is free for UDP and TCP on `host`, and the three above it too: SIPp takes four in a row for
    media. No port is given twice in a run: the program that gets it may not have bound it yet.
    """
    while True:
        port = random.randrange(20000, _EPHEMERAL, _IN_A_ROW)
        if not _given.isdisjoint(range(port, port + _IN_A_ROW)) or any(
            in_use(host, port + step, kind) for step in range(_IN_A_ROW) for kind in ("udp", "tcp")
        ):
            continue
        _given.add(port)
        return port


def media_ports() -> tuple[int, int]:
    """A range of UDP ports that nobody uses at the moment."""
    while True:
        first = random.randrange(10000, 20000, _MEDIA_SPAN)
        if not any(in_use("127.0.0.1", first + step, "udp") for step in range(_MEDIA_SPAN)):
            return first, first + _MEDIA_SPAN - 1


def free_ports(number: int) -> tuple[int, int]:
    """The first and last of so many UDP ports in a row; nobody uses them, and nobody else is given one."""
    while True:
        first = random.randrange(20000, _EPHEMERAL - number, _IN_A_ROW)
        ports = range(first, first + number)
        if _given.isdisjoint(ports) and not any(in_use("127.0.0.1", port, "udp") for port in ports):
            _given.update(ports)
            return ports[0], ports[-1]


def in_use(host: str, port: int, kind: str) -> bool:
    """Whether a socket is bound to it."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM) as probe:
        try:
            probe.bind((host, port))
        except OSError:
            return True
    return False


def wait_for(what: str, ask: Callable[[], T | None], within_s: float = 10.0, every_s: float = 0.02) -> T:
    """What `ask` says as soon as that is true; `AssertionError` naming `what` after `within_s`."""
    deadline = time.monotonic() + within_s
    while True:
        answer = ask()
        if answer:
            return answer
        assert time.monotonic() < deadline, f"waited {within_s:g} s for {what}"
        time.sleep(every_s)


def accepts(host: str, port: int) -> bool:
    """Whether somebody takes TCP connections there."""
    try:
        socket.create_connection((host, port), timeout=5).close()
    except OSError:
        return False
    return True
