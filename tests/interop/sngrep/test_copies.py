"""Copies of SIP messages by HEP, as sngrep takes and files them."""

import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from socket import inet_ntoa

import dpkt
import pytest

from tests.interop.addresses import free_port, wait_for
from tests.interop.conftest import Start
from tests.interop.node import HOST, KEY, SECRET, Node, running_node
from tests.interop.sipp.scenario import Callee, Caller, silent_sdp

PBX, CARRIER = "127.0.0.10", "127.0.0.20"
COLLECTOR_PORT = free_port(HOST)
MESSAGES = 15
"""Of one call: INVITE, 407, ACK, INVITE, INVITE, 180, 180, 200, ACK, 200, ACK, BYE, 200, BYE, 200."""


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    directory = tmp_path_factory.mktemp("sngrep") / "node"
    with running_node(directory, {"hep.collector": f"{HOST}:{COLLECTOR_PORT}"}) as node:
        yield node


def test_both_legs_arrive_with_their_ends_and_without_secrets(
    node: Node, sipp: Start, tmp_path: Path, require_program: Callable[[str], str]
) -> None:
    capture = tmp_path / "copies.pcap"
    listen = ("-N", "-L", f"udp:{HOST}:{COLLECTOR_PORT}", "-O", str(capture))
    carrier_port = free_port(CARRIER)
    node.command("carrier", "add", "main", "--gateway", f"sip:{CARRIER}:{carrier_port}")
    node.command("route", "add", "all", "--carrier", "main")
    with subprocess.Popen([require_program("sngrep"), *listen], stdout=subprocess.DEVNULL) as sngrep:
        try:
            wait_for("sngrep to listen", lambda: _is_bound(COLLECTOR_PORT))
            _call(node, sipp, carrier_port)
            wait_for("the copies to be filed", lambda: len(_packets(capture)) >= MESSAGES)
        finally:
            sngrep.send_signal(signal.SIGINT)
    assert node.gauge("hep_lost_total") == 0
    packets = _packets(capture)
    assert len(packets) == MESSAGES
    ways = [((inet_ntoa(ip.src), ip.data.sport), (inet_ntoa(ip.dst), ip.data.dport)) for ip in packets]
    here, carrier = (HOST, node.port), (CARRIER, carrier_port)
    customer = ways[0][0]
    assert customer[0] == PBX
    assert {*ways} == {(customer, here), (here, customer), (here, carrier), (carrier, here)}
    texts = [ip.data.data.decode() for ip in packets]
    asked, proven, passed_on = (text for text in texts if text.startswith("INVITE "))
    assert "response=" not in asked + passed_on
    assert "response=***" in proven
    assert sum(text.startswith("BYE ") for text in texts) == 2


def _call(node: Node, sipp: Start, carrier_port: int) -> None:
    callee = Callee(body=silent_sdp(CARRIER))
    callee.invited()
    callee.ring()
    callee.accept()
    callee.hung_up()
    carrier = sipp(callee, host=CARRIER, port=carrier_port)
    caller = Caller("+442071838750", body=silent_sdp(PBX))
    caller.invite_with_credentials()
    caller.answered()
    caller.pause(100)
    caller.bye()
    sipp(caller, host=PBX, to=(HOST, node.port), user=KEY, password=SECRET).done()
    carrier.done()


def _is_bound(port: int) -> bool:
    return f":{port:04X} " in Path("/proc/net/udp").read_text()


def _packets(capture: Path) -> list[dpkt.ip.IP]:
    """What is filed so far, each message once: a busy machine may have one repeated."""
    if not capture.exists() or not capture.stat().st_size:
        return []
    with capture.open("rb") as file:
        frames = [dpkt.ethernet.Ethernet(frame).data for _, frame in dpkt.pcap.Reader(file)]
    return list({ip.data.data: ip for ip in frames}.values())
