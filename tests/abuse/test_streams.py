"""TCP and TLS connections that are slow, silent, endless, or too many; figures are in docs/security.md."""

import os
import socket
import time

import pytest

from tests.abuse.doors import HOST, Streams, options
from tests.faults.world import within
from tests.interop.node import Node
from trunkline.net.settings import StreamLimits


def test_many_slow_connections_keep_nobody_out(node: Node) -> None:
    """Sixty that say one byte now and then; a sixty-first customer is served at once."""
    slow = Streams(node.port)
    sockets: list[socket.socket] = []
    try:
        for _ in range(60):
            connection = socket.create_connection((HOST, node.port), 2, (slow.address, 0))
            connection.sendall(b"OPTIONS sip:a SIP/2.0\r\nVia: ")
            sockets.append(connection)
        for _ in range(5):
            for connection in sockets:
                connection.sendall(b"x")
            assert Streams(node.port).probe() < 0.5
    finally:
        for connection in sockets:
            connection.close()


def test_one_source_gets_so_many_connections_and_no_more(node: Node) -> None:
    slow = Streams(node.port)
    sockets = [socket.create_connection((HOST, node.port), 2, (slow.address, 0)) for _ in range(100)]
    try:
        time.sleep(0.3)
        closed = 0
        for connection in sockets:
            connection.setblocking(False)
            try:
                closed += connection.recv(1) == b""
            except BlockingIOError:
                pass
            except OSError:
                closed += 1
        assert 30 <= closed <= 40
        assert Streams(node.port).probe() < 0.5
    finally:
        for connection in sockets:
            connection.close()


def test_a_message_that_never_ends_ends_the_connection(node: Node) -> None:
    """The bound is on the whole message, however often a byte comes."""
    slow = Streams(node.port)
    with slow.connection() as connection:
        connection.settimeout(0.2)
        start = time.monotonic()
        connection.sendall(b"OPTIONS sip:a SIP/2.0\r\nX: ")
        while time.monotonic() - start < 25:
            try:
                connection.sendall(b"x")
                if connection.recv(1000) == b"":
                    break
            except TimeoutError:
                continue
            except OSError:
                break
        assert time.monotonic() - start < 20


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"x" * 200_000, id="no line ends"),
        pytest.param(b"OPTIONS sip:a SIP/2.0\r\n" + b"X-A: 1\r\n" * 100_000, id="no end of the head"),
        pytest.param(b"OPTIONS sip:a SIP/2.0\r\nContent-Length: 4294967296\r\n\r\n", id="4 GB promised"),
        pytest.param(b"OPTIONS sip:a SIP/2.0\r\nContent-Length: 10\r\nl: 0\r\n\r\n", id="two lengths"),
        pytest.param(b"\r\n" * 100_000, id="blank lines"),
        pytest.param(b"\x16\x03\x01" + b"\x00" * 500, id="a TLS hello"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", id="HTTP"),
    ],
)
def test_streams_that_are_no_sip(node: Node, data: bytes) -> None:
    for port, tls in ((node.port, False), (node.tls_port, True)):
        door = Streams(port, tls=tls)
        assert 200 not in door.exchange(data)
        assert door.probe() < 0.5


def test_requests_glued_together_are_all_answered(node: Node) -> None:
    door = Streams(node.port)
    data = b"".join(options(node.port, f"{door.address}:5060", "TCP")[0] for _ in range(50))
    assert door.exchange(data) == [200] * 50


@pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")
@pytest.mark.timeout(240)
def test_customers_get_through_whatever_strangers_hold() -> None:
    limits = StreamLimits()
    figures = within("tests.faults", "connections_held")
    assert figures["heard"] == figures["calls"] == 18, figures
    assert (figures["records"], figures["verdicts"]) == (18, ["answered"])
    assert figures["opened"] > limits.connections_of_strangers
    assert figures["held"] <= limits.connections_of_strangers + 10, figures
    late_s = 10.0
    for way, bound_s in (
        ("no handshake", limits.handshake_timeout_s),
        ("half a handshake", limits.handshake_timeout_s),
        ("no message", limits.message_timeout_s),
        ("slow head", limits.message_timeout_s),
        ("endless head", 1.0),
    ):
        assert figures["lasted_s"][way] < bound_s + late_s, (way, figures)
