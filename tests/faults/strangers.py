"""Strangers who open TCP and TLS connections and do nothing good with them, while customers call."""

import asyncio
import resource
import socket
import time
from collections.abc import Callable

from tests.abuse.doors import options
from tests.faults.world import NODE, PORT, TLS_PORT, Figures, World, counted, until, world
from trunkline.pstn.dialling import CallReport
from trunkline.sip.uri import SipUri

HOST, CROWD = "10.77.6.1", "10.77.7.{}"
SOURCES, EACH = 200, 15
"""Addresses of the crowd, and the connections that each of them opens."""
BY_TCP = SipUri.parse(f"sip:{NODE}:{PORT};transport=tcp")
BY_TLS = SipUri.parse(f"sip:{NODE}:{TLS_PORT};transport=tls")
ENDLESS = b"OPTIONS sip:a SIP/2.0\r\nX: " + b"a" * 1_000_000
SLOW = b"OPTIONS sip:a SIP/2.0\r\nX: "


async def connections_held() -> Figures:
    """Ten connections for each way to be slow: how long each of them lasts. Then thousands that have asked
    for OPTIONS once and stay: how many of them are left, and whether customers get through.
    """
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    async with world({"sip.tls": [f"{NODE}:{TLS_PORT}"]}) as here:
        slow = [asyncio.create_task(asyncio.to_thread(_lasted_s, *way)) for way in _WAYS.values()]
        first = await _customers(here)
        times = await asyncio.gather(*slow)
        crowd = await asyncio.to_thread(_crowd)
        await until(lambda: here.node.gauge("connections") < len(crowd))
        held = here.node.gauge("connections")
        second = await _customers(here)
        for one in crowd:
            one.close()
        await until(lambda: here.node.gauge("connections") < 10)
        figures = await counted(here, [*first, *second])
        return figures | {
            "lasted_s": dict(zip(_WAYS, times, strict=True)),
            "opened": len(crowd),
            "held": held,
        }


_WAYS: dict[str, tuple[int, bytes, bytes]] = {
    "no handshake": (TLS_PORT, b"", b""),
    "half a handshake": (TLS_PORT, b"\x16\x03\x01", b""),
    "no message": (PORT, b"", b""),
    "slow head": (PORT, SLOW, b"a"),
    "endless head": (PORT, ENDLESS, b""),
}
"""Name -> port, what is sent at once, what is sent every half second from then on."""


def _lasted_s(port: int, begin: bytes, more: bytes) -> float:
    """How long the longest of ten connections lasted."""
    began = time.monotonic()
    ten = [socket.create_connection((NODE, port), 5, (HOST, 0)) for _ in range(10)]
    for one in ten:
        one.settimeout(0.05)
        _closed(lambda one=one: one.sendall(begin))  # type: ignore[misc]
    while ten and time.monotonic() - began < 60:
        time.sleep(0.5)
        for one in list(ten):
            if _closed(lambda one=one: one.sendall(more)) or _closed(lambda one=one: one.recv(1000)):  # type: ignore[misc]
                one.close()
                ten.remove(one)
    return round(time.monotonic() - began, 1)


def _closed(work: Callable[[], object]) -> bool:
    """Whether the connection turns out to be closed by the node."""
    try:
        return work() == b""
    except TimeoutError:
        return False
    except OSError:
        return True


async def _customers(here: World) -> list[CallReport]:
    """Three calls by each transport."""
    reports = []
    for next_hop in (None, BY_TCP, BY_TLS):
        reports += await here.calls(3, 0.2, next_hop=next_hop)
    return reports


def _crowd() -> list[socket.socket]:
    """Open connections, so slowly that no source is banned for its rate."""
    made = []
    for number in range(SOURCES * EACH):
        host = CROWD.format(1 + number % SOURCES)
        one = socket.create_connection((NODE, PORT), 10, (host, 0))
        one.sendall(options(PORT, f"{host}:{PORT}", "TCP")[0])
        made.append(one)
    return made
