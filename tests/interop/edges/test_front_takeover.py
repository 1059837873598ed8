"""A node is killed behind the front, in calls that came over TLS: the other node goes on with them, and what
the customer sends within them reaches it through the front, whether it has agreed to the survivor's re-INVITE
or not.
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from redis import Redis

from tests.contract.live.server import LiveServer
from tests.contract.media.rtpengine_daemon import RtpengineDaemon
from tests.interop.addresses import free_port, listens
from tests.interop.conftest import Speak
from tests.interop.edges.cluster import nodes_of, soon
from tests.interop.edges.tls_caller import tls_caller
from tests.interop.kamailio.program import run
from tests.interop.live.peer import carrier_at
from tests.interop.node import Node
from tests.postgres import Cluster
from tests.processes import end

CUSTOMER, CARRIER, FRONT = "127.0.0.33", "127.0.0.34", "127.0.0.36"
PORTS = {"442071838750": free_port(CARRIER), "442171838750": free_port(CARRIER)}
"""Of a carrier for each number: each takes one call."""


@dataclass
class Setup:
    nodes: list[Node]
    front: tuple[str, int]
    live: LiveServer


@pytest.fixture
def setup(tmp_path: Path, cluster: Cluster) -> Iterator[Setup]:
    port = free_port(FRONT)
    hosts = {"one": ("us", "127.0.0.31"), "two": ("us", "127.0.0.32")}
    live, daemon = LiveServer(tmp_path), RtpengineDaemon(tmp_path)
    settings = {
        "sip.fronts": [FRONT],
        "live.url": live.url,
        "live.timeout_ms": 2000,
        "media.engine": "rtpengine",
        "media.rtpengine": [f"udp:{daemon.host}:{daemon.ng_port}"],
        "media.rtpengine_ready": 2,
    }
    process = None
    try:
        with nodes_of(tmp_path / "nodes", cluster, hosts, settings) as nodes:
            one = nodes[0]
            for number, at in PORTS.items():
                gateway = f"sip:{CARRIER}:{at}"
                one.command("carrier", "add", f"to{at}", "--gateway", gateway, "--source", CARRIER)
                one.command("route", "add", number[:4], "--carrier", f"to{at}")
            for node in nodes:
                node.start()
            folder = tmp_path / "front"
            listen = ("--listen", f"udp:{FRONT}:{free_port(FRONT)}", "--listen", f"tls:{FRONT}:{port}")
            one.run("kamailio", *listen, "--out", str(folder))
            for name, of_the_node in (("cert.pem", "tls-certificate.pem"), ("key.pem", "tls-key.pem")):
                shutil.copy(one.directory / of_the_node, folder / name)
            output = tmp_path / "front.output"
            process = run(folder / "kamailio.cfg", output)
            soon("kamailio", lambda: process.poll() is not None or listens(FRONT, port, "tcp"))
            assert process.poll() is None, output.read_text(errors="replace")
            yield Setup(nodes, (FRONT, port), live)
    finally:
        if process is not None:
            end(process)
        daemon.stop()
        live.kill()


def checkpoints(live: LiveServer) -> int:
    """How many calls the server knows of."""
    with Redis.from_url(live.url.replace("valkey", "redis")) as server:
        return sum(server.hlen(key) for key in server.scan_iter("trunkline:*:checkpoints:*"))


def test_what_is_sent_within_a_call_finds_the_survivor(setup: Setup, voice: Speak) -> None:
    one, two = setup.nodes
    two.run("node", "drain", "two")
    soon("the drain", lambda: two.command("status")["draining"])
    here, there = [voice(440, CUSTOMER) for _ in PORTS], [voice(1000, CARRIER) for _ in PORTS]
    (near, first), (far, second) = PORTS.items()
    with (
        carrier_at(CARRIER, first, there[0]) as carrier,
        carrier_at(CARRIER, second, there[1]) as other,
        tls_caller("takes-it", near, here[0], setup.front) as caller,
        tls_caller("refuses-it", far, here[1], setup.front, takes=False) as stubborn,
    ):
        for customer, callee, ear in ((caller, carrier, there[0]), (stubborn, other, there[1])):
            customer.dial()
            assert one.host in customer.target
            audio = callee.requests("INVITE")[0].audio
            assert audio is not None
            ear.talk_to(*audio)
        for ear, frequency in zip([*here, *there], (1000, 1000, 440, 440), strict=True):
            soon("everybody to hear the other", partial(ear.hears, frequency))
        two.run("node", "return", "two")
        soon("calls to be taken again", lambda: not two.command("status")["draining"])
        soon("both to be known at the server", lambda: checkpoints(setup.live) == 2)

        one.kill()
        soon("the survivor to have them", lambda: two.gauge("calls_taken_over_total") == 2)
        soon("the customer's ACK", lambda: caller.requests("ACK"))
        soon("the refusal's ACK", lambda: stubborn.requests("ACK"))
        assert two.host in caller.target
        assert one.host in stubborn.target, "it goes on as if nothing had happened"
        for customer, callee in ((caller, carrier), (stubborn, other)):
            assert customer.bye() == 200
            soon("the carrier to be hung up", partial(callee.requests, "BYE"))
        soon("no dialog to be left", lambda: two.gauge("dialogs") == 0)
    rows = two.command("calls", "--limit", "10")
    assert len(rows) == 2
    for row in rows:
        card = soon("the closed record", partial(two.closed, row["call_id"]), every_s=0.1)
        assert (card["verdict"], card["node"], card["hung_up_by"]) == ("answered", "two", "caller")
        assert card["source"] in {f"TLS {customer.place}" for customer in (caller, stubborn)}
