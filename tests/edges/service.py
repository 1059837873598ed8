"""The service of the show: what nodes share, six nodes, their rtpengines, the zone and its name server, and a
carrier. Runs on the machine `core`; every process ends with the namespace that it is in.
"""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import dns.exception
import dns.message
import dns.query
import dns.rdatatype

from tests.edges.ground import CARRIER, CORE, DOMAIN, EDGES, RELAYS, Machine, within
from tests.interop.sipp.scenario import Callee
from tests.postgres import Cluster
from trunkline.cli.init import set_up
from trunkline.cli.installation import Installation
from trunkline.config import SocketAddress
from trunkline.sip.uri import SipUri
from trunkline.trunk.account import Account
from trunkline.trunk.carrier import Carrier, Gateway
from trunkline.trunk.routes import Route, RouteCarrier
from trunkline.web.control_client import ControlError

KEY, SMALL, SECRET = "bigpbx", "smallpbx", "s3cret-of-the-show"
LIMIT: Final = 6
"""Calls at once of the account `SMALL`."""
CALLED, TONE = "442071838750", "9992000"
"""A number of the SIPp carrier, and the one of the simulated carrier that plays a tone."""
NG_PORT: Final = 2223
PATIENCE_S: Final = 90.0
ZONE_TTL_S: Final = 5
LIVE_TIMEOUT_MS: Final = 1000
"""The longest round trip here is 200 ms, and a machine of two cores plays all of this."""


def wait_until(what: str, done: Callable[[], bool], within_s: float = PATIENCE_S) -> float:
    """How many seconds it took. Raises `TimeoutError`."""
    began = time.monotonic()
    while not done():
        if time.monotonic() - began > within_s:
            raise TimeoutError(f"{what}: not within {within_s:g} s")
        time.sleep(0.1)
    return time.monotonic() - began


class Edge:
    """A node, and its machine."""

    def __init__(self, machine: Machine, here: Installation, log: Path) -> None:
        self.machine = machine
        self.here = here
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Begin; `is_ready` says when it takes calls."""
        serve = (sys.executable, "-m", "trunkline.cli", "-c", str(self.here.path), "serve")
        with self._log.open("ab") as log:
            # `ip netns exec` becomes the program, so this is the node's own process id.
            self._process = subprocess.Popen(within(self.machine, *serve), stdout=log, stderr=log)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        """As a power cut does."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def is_ready(self) -> bool:
        """Raises `RuntimeError` when it has ended."""
        if self._process is None or self._process.poll() is not None:
            raise RuntimeError(
                f"{self.machine.name} has ended: {self._log.read_text(errors='replace')[-800:]}"
            )
        try:
            with self.here.control() as node:
                return bool(node.stats().live) and not node.stats().live_degraded
        except ControlError:
            return False

    def calls(self) -> int:
        """Under way."""
        with self.here.control() as node:
            return node.stats().calls


class Service:
    """Everything, in the folder `home`."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.edges: list[Edge] = []

    def share(self) -> None:
        """PostgreSQL and Redis."""
        folder = self.home / "postgresql"
        folder.mkdir()
        programs = max(Path("/usr/lib/postgresql").glob("*/bin/initdb")).parent
        self._cluster = Cluster(programs, folder, 5432, host=CORE.address)
        self._cluster.start()
        self._cluster.execute('CREATE DATABASE "trunkline"')
        self._start("redis", "redis-server", "--bind", CORE.address, "--protected-mode", "no", "--save", "")

    def relay(self) -> None:
        """An rtpengine in each region that has one."""
        for machine in RELAYS:
            options = ("--config-file=none", "--table=-1", "--foreground", "--log-stderr", "--log-level=4")
            places = (
                f"--interface={machine.address}",
                f"--listen-ng={machine.address}:{NG_PORT}",
                "--mos=LQ",
            )
            size = ("--port-min=30000", "--port-max=39999", "--num-threads=1", "--media-num-threads=1")
            self._start(machine.name, *within(machine, "rtpengine", *options, *places, *size))

    def install(self) -> None:
        """Six installations on one database; the carriers, routes and accounts of all."""
        (tones,) = (machine for machine in EDGES if machine.name == "sip-eu2")
        pstn = SocketAddress(tones.address, 5070)
        key: bytes | None = None
        for machine in EDGES:
            folder = self.home / machine.name
            folder.mkdir(mode=0o700)
            if key is not None:
                (folder / "secret.key").write_bytes(key)
                (folder / "secret.key").chmod(0o600)
            set_up(folder, self._settings(machine, folder, pstn if machine is tones else None))
            key = (folder / "secret.key").read_bytes()
            here = Installation(folder / "trunkline.toml")
            self.edges.append(Edge(machine, here, self.home / f"{machine.name}.log"))
        store = self.edges[0].here.store
        store.accounts.add(Account(KEY, name="A large customer"), SECRET)
        store.accounts.add(Account(SMALL, name="A small one", max_concurrent=LIMIT), SECRET)
        for name, prefix, where in (
            ("sipp", "44", SocketAddress(CARRIER.address, 5060)),
            ("tones", "999", pstn),
        ):
            gateway = Gateway(SipUri("sip", None, where.host, where.port))
            store.carriers.add(Carrier(name, (gateway,), pings=False))
            store.routes.add(Route(prefix, (RouteCarrier(name),)))

    def _settings(self, machine: Machine, folder: Path, pstn: SocketAddress | None) -> dict[str, object]:
        address = machine.address
        values: dict[str, object] = {
            "service.domain": DOMAIN,
            "node.name": machine.name,
            "node.region": machine.region,
            "node.data_dir": str(folder),
            "database.url": f"postgresql+psycopg://trunkline@{CORE.address}/trunkline",
            "live.url": f"valkey://{CORE.address}:6379/0",
            "live.timeout_ms": LIVE_TIMEOUT_MS,
            "sip.udp": [f"{address}:5060"],
            "sip.tcp": [f"{address}:5060"],
            "sip.tls": [],
            "media.bind_address": address,
            "http.bind": f"{address}:8080",
            "web.enabled": False,
            "limits.overload_lag_ms": 5000.0,
            "dns.nameservers": [CORE.address],
            "zone.name_servers": ["ns1.example.org"],
            "zone.ttl_s": ZONE_TTL_S,
            "log.level": "warning",
        }
        if any(relay.region == machine.region for relay in RELAYS):
            values["media.engine"] = "rtpengine"
            values["media.rtpengine"] = [
                f"udp:{relay.address}:{NG_PORT};region={relay.region}" for relay in RELAYS
            ]
        if pstn is not None:
            values |= {"pstn.enabled": True, "pstn.bind": str(pstn)}
        return values

    def answer(self) -> None:
        """The carrier takes every call until it is hung up."""
        lines = (
            "v=0",
            f"o=carrier 1 1 IN IP4 {CARRIER.address}",
            "s=-",
            f"c=IN IP4 {CARRIER.address}",
            "t=0 0",
        )
        callee = Callee(body="\n".join([*lines, "m=audio 30000 RTP/AVP 0 8"]))
        callee.invited()
        callee.ring()
        callee.accept()
        callee.hung_up()
        file = self.home / "carrier.xml"
        callee.write(file)
        place = ("-i", CARRIER.address, "-p", "5060", "-mi", CARRIER.address)
        self._start("carrier", *within(CARRIER, "sipp", "-sf", str(file), *place, "-nostdin", "-skip_rlimit"))

    def publish(self) -> None:
        """Knot with the zone, and `trunkline dns`, which keeps it."""
        zone, control = self.home / "service.zone", self.home / "knot.sock"
        configuration = self.home / "knot.conf"
        configuration.write_text(
            f"""server:
    rundir: {self.home}
    listen: {CORE.address}@53
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
control:
    listen: {control}
database:
    storage: {self.home}
zone:
  - domain: {DOMAIN}
    storage: {self.home}
    file: {zone}
    zonefile-sync: -1
    journal-content: none
"""
        )
        hook = f"knotc -s {control} -t 10 zone-reload {DOMAIN}"
        keep = ("dns", "--follow", "--format", "knot", "--out", str(zone), "--hook", hook)
        self._start("knot", "knotd", "-c", str(configuration))
        wait_until("Knot", control.exists)
        core = ("-m", "trunkline.cli", "-c", str(self.edges[2].here.path))
        self._start("dns", sys.executable, *core, *keep)

    def published(self) -> set[str]:
        """Edges that the zone leads to."""
        query = dns.message.make_query(f"_sip._udp.{DOMAIN}.", dns.rdatatype.SRV)
        try:
            answer = dns.query.udp(query, CORE.address, timeout=2)
        except (dns.exception.DNSException, OSError):
            return set()
        return {str(record.target).partition(".")[0] for rrset in answer.answer for record in rrset}

    def _start(self, name: str, *command: str) -> None:
        with (self.home / f"{name}.log").open("wb") as log:
            subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.home)
