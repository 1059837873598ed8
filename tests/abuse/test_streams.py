"""TCP and TLS connections that are slow, silent, endless, or too many; figures are in docs/security.md."""

import os
import socket

import pytest

from tests.abuse.doors import HOST, Streams, options
from tests.faults.world import within
from tests.interop.addresses import wait_for
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
        before = node.processor_s()
        for _ in range(5):
            for connection in sockets:
                connection.sendall(b"x")
            Streams(node.port).probe()
        assert node.processor_s() - before < 0.5
    finally:
        for connection in sockets:
            connection.close()


def is_closed(connection: socket.socket) -> bool:
    """Whether the node has closed it."""
    try:
        return connection.recv(1) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def test_one_source_gets_so_many_connections_and_no_more(node: Node) -> None:
    slow = Streams(node.port)
    sockets = [socket.create_connection((HOST, node.port), 2, (slow.address, 0)) for _ in range(100)]
    try:
        for connection in sockets:
            connection.setblocking(False)
        wait_for("the rest to be closed", lambda: sum(map(is_closed, sockets)) >= 30)
        Streams(node.port).probe()
        assert 30 <= sum(map(is_closed, sockets)) <= 40
    finally:
        for connection in sockets:
            connection.close()


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
        before = node.processor_s()
        assert 200 not in door.exchange(data)
        door.probe()
        assert node.processor_s() - before < 0.5


def test_requests_glued_together_are_all_answered(node: Node) -> None:
    door = Streams(node.port)
    data = b"".join(options(node.port, f"{door.address}:5060", "TCP")[0] for _ in range(50))
    assert door.exchange(data, 50) == [200] * 50


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
