"""The zone as BIND, Knot and NSD read it; and Knot with it, which leads a client past an edge that is
gone.
"""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import dns.message
import dns.query
import dns.rdatatype
import pytest

from tests.interop.addresses import free_port, listens
from tests.interop.edges.cluster import await_standing, nodes_of, soon
from tests.interop.node import DOMAIN, Node
from tests.postgres import Cluster
from tests.programs import require_program

RESOLVER = "127.0.0.79"
NAME_SERVERS = ["ns1.example.net", "ns2.example.net"]
CHECKERS = {
    "bind": ("named-checkzone", DOMAIN),
    "knot": ("kzonecheck", "-o", DOMAIN),
    "nsd": ("nsd-checkzone", DOMAIN),
}


@dataclass
class Setup:
    """Two edges, a name server, and who keeps its zone."""

    us: Node
    eu: Node
    port: int

    def srv(self, name: str) -> list[str]:
        """Targets as the name server gives them, the preferred ones first."""
        query = dns.message.make_query(f"_sip._udp.{name}.", dns.rdatatype.SRV)
        answer = dns.query.udp(query, RESOLVER, timeout=20, port=self.port)
        found = [record for rrset in answer.answer for record in rrset]
        ranked = sorted(found, key=lambda record: (record.priority, record.target))
        return [str(record.target).partition(".")[0] for record in ranked]

    def reached(self, name: str) -> str:
        """Which node answers an OPTIONS to the name, as its own resolver and RFC 3263 have it."""
        card = self.eu.command("ping", f"sip:{name}")
        assert card["answer"] == "200 OK", card
        return str(card["server"])


@pytest.fixture(scope="module")
def setup(tmp_path_factory: pytest.TempPathFactory, cluster: Cluster) -> Iterator[Setup]:
    folder = tmp_path_factory.mktemp("dns")
    port = free_port(RESOLVER)
    with ExitStack() as opened:
        settings = {
            "zone.name_servers": NAME_SERVERS,
            "zone.ttl_s": 1,
            "dns.nameservers": [RESOLVER],
            "dns.port": port,
        }
        hosts = {"sip-us1": ("us", "127.0.0.31"), "sip-eu1": ("eu", "127.0.0.32")}
        us, eu = opened.enter_context(nodes_of(folder, cluster, hosts, settings))
        us.start()
        eu.start()
        zone, control = folder / "sip.zone", folder / "knot.sock"
        _write_configuration(folder / "knot.conf", zone, control, port)
        follow = ("--follow", "--format", "knot", "--out", str(zone))
        hook = f"{require_program('knotc')} -s {control} -t 10 zone-reload {DOMAIN}"
        eu.run("dns", "--format", "knot", "--out", str(zone))
        knot = _start(
            opened, folder / "knot.output", require_program("knotd"), "-c", str(folder / "knot.conf")
        )
        soon("knot", lambda: control.exists() and listens(RESOLVER, port, "udp"))
        command = (sys.executable, "-m", "trunkline.cli", "--config", str(eu.settings_file), "dns")
        _start(opened, folder / "follow.output", *command, *follow, "--hook", hook)
        assert knot.poll() is None
        yield Setup(us, eu, port)


def _start(opened: ExitStack, output: Path, *command: str) -> "subprocess.Popen[bytes]":
    with output.open("wb") as stream:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream)
    opened.callback(process.wait, 60)
    opened.callback(process.terminate)
    return process


def _write_configuration(file: Path, zone: Path, control: Path, port: int) -> None:
    file.write_text(
        f"""server:
    rundir: {file.parent}
    listen: {RESOLVER}@{port}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
control:
    listen: {control}
database:
    storage: {file.parent}
log:
  - target: stderr
    any: info
zone:
  - domain: {DOMAIN}
    storage: {file.parent}
    file: {zone}
    zonefile-sync: -1
    journal-content: none
"""
    )


@pytest.mark.parametrize("server", CHECKERS)
def test_the_checker_of_each_name_server_takes_the_zone(setup: Setup, tmp_path: Path, server: str) -> None:
    program, *arguments = CHECKERS[server]
    file = tmp_path / "sip.zone"
    setup.eu.run("dns", "--format", server, "--out", str(file))
    command = [require_program(program), *arguments, str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    file.write_text(file.read_text().replace(" SRV ", " SRVV ", 1))
    broken = subprocess.run(
        [require_program(program), *arguments, str(file)], capture_output=True, check=False
    )
    assert broken.returncode != 0


def test_a_client_is_led_to_its_region_and_past_what_is_gone(setup: Setup) -> None:
    us, eu = setup.us, setup.eu
    near_us, near_eu = f"us.{DOMAIN}", f"eu.{DOMAIN}"
    soon("both in the zone", lambda: setup.srv(near_us) == ["sip-us1", "sip-eu1"])
    soon("both in the other region's", lambda: setup.srv(near_eu) == ["sip-eu1", "sip-us1"])
    assert (setup.reached(near_us), setup.reached(near_eu)) == ("sip-us1", "sip-eu1")

    us.kill()
    assert setup.reached(near_us) == "sip-eu1"
    await_standing(eu, "sip-us1", "lost")
    soon("the lost node to leave the zone", lambda: setup.srv(near_us) == ["sip-eu1"])
    soon("and the service's", lambda: setup.srv(DOMAIN) == ["sip-eu1"])

    us.start()
    soon("it to be back", lambda: setup.srv(near_us) == ["sip-us1", "sip-eu1"])

    us.run("node", "drain", "sip-eu1")
    soon("the drained node to leave the zone", lambda: setup.srv(DOMAIN) == ["sip-us1"])
    soon("clients to be led past it", lambda: setup.reached(near_eu) == "sip-us1")
    us.run("node", "return", "sip-eu1")
    soon("it to be back", lambda: setup.srv(near_eu) == ["sip-eu1", "sip-us1"])

    eu.signal(signal.SIGTERM)
    assert eu.wait() == 0
    soon("the stopped node to leave the zone", lambda: setup.srv(near_eu) == ["sip-us1"])
