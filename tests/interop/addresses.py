"""Free ports on loopback addresses, and waiting for somebody to take one, or for anything else."""

import itertools
import os
import random
import socket
import struct
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, TypeVar

T = TypeVar("T")

_FIRST, _BEHIND = 20000, 27200
"""Where single ports are given; behind them are those of PBXs, below them those of nodes."""
_EPHEMERAL = 32768
_IN_A_ROW = 4
_LISTEN = "0A"
_given: deque[int] = deque(maxlen=800)
"""What was given last: less than half of what there is to give, and more than a test asks for."""
_kept: set[int] = set()
"""What modules were given while they were read, for programs that begin much later."""


class _Spans:
    """Ranges of UDP ports, each of which is given again after all others."""

    def __init__(self, first: int, behind: int, length: int) -> None:
        starts = list(range(first, behind - length + 1, length))
        random.shuffle(starts)
        self._starts = itertools.cycle(starts)
        self._length = length

    def give(self) -> tuple[int, int]:
        """The first and last of the next one that nobody uses at the moment."""
        taken = taken_ports("127.0.0.1", "udp")
        first = next(first for first in self._starts if taken.isdisjoint(range(first, first + self._length)))
        return first, first + self._length - 1


_of_nodes = _Spans(10000, 20000, 120)
_of_pbxs = _Spans(_BEHIND, _EPHEMERAL, 80)


def free_port(host: str = "127.0.0.1") -> int:
    """A port that is free for UDP and TCP on `host`, and the three above it too: SIPp takes four in a row for
    media. No port is given again soon, and none again that a module was given while it was read: the program
    that gets it may not have bound it yet.
    """
    taken = taken_ports(host, "udp").union(taken_ports(host, "tcp"), _given, _kept)
    while True:
        port = random.randrange(_FIRST, _BEHIND, _IN_A_ROW)
        if taken.isdisjoint(range(port, port + _IN_A_ROW)):
            _given.append(port)
            if "PYTEST_CURRENT_TEST" not in os.environ:
                _kept.add(port)
            return port


def media_ports() -> tuple[int, int]:
    """A range of UDP ports for a node's media."""
    return _of_nodes.give()


def pbx_media_ports() -> tuple[int, int]:
    """A range of UDP ports for a PBX's media."""
    return _of_pbxs.give()


def taken_ports(host: str, kind: str) -> set[int]:
    """The ports of `host` that a socket is bound to, "udp" or "tcp"."""
    return {one.port for one in _sockets(kind) if one.is_of(host)}


def listens(host: str, port: int, kind: str) -> bool:
    """Whether somebody takes packets or connections there.

    Looked up, not tried: a socket that tries the port takes it for a moment, and the program that is about to
    bind it would fail.
    """
    return any(one.port == port and one.listens and one.is_of(host) for one in _sockets(kind))


class _Socket(NamedTuple):
    host: str
    port: int
    listens: bool

    def is_of(self, host: str) -> bool:
        """Whether it takes what comes to `host`."""
        return self.host in (host, "0.0.0.0", "::")


def _sockets(kind: str) -> Iterator[_Socket]:
    """Of this network namespace, as the kernel lists them (proc_net(5))."""
    for family, suffix in ((socket.AF_INET, ""), (socket.AF_INET6, "6")):
        table = Path(f"/proc/net/{kind}{suffix}")
        for line in table.read_text().splitlines()[1:] if table.exists() else ():
            _, local, _, state, *_ = line.split()
            address, _, port = local.partition(":")
            words = struct.iter_unpack(">I", bytes.fromhex(address))  # each of 4 bytes in the machine's order
            packed = b"".join(struct.pack("=I", word) for (word,) in words)
            listening = kind == "udp" or state == _LISTEN
            yield _Socket(socket.inet_ntop(family, packed), int(port, 16), listening)


def wait_for(what: str, ask: Callable[[], T | None], within_s: float = 30.0, every_s: float = 0.02) -> T:
    """What `ask` says as soon as that is true; `AssertionError` naming `what` after `within_s`. That is
    long: a busy machine is no finding.
    """
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
