"""What a call through the trunk costs: CPU milliseconds of the embedded node, and of Kamailio with rtpengine.

The call: digest authentication, 180, 200, ACK, 50 ms, BYE; media anchored, a record written. SIPp plays
customer and carrier. A call counts only when the customer got the 200 of its BYE and its 200 of INVITE named
the relay. Every thread and process of a system counts. The systems take turns at each rate, because the
machine's mood weighs more than a single run can tell; RATES, CALLS and ROUNDS in the environment change the
load. What is not installed is named and left out.
"""

import csv
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import NamedTuple

from trunkline.config import Settings
from trunkline.sip.uri import SipUri
from trunkline.store.store import Store
from trunkline.trunk.account import Account
from trunkline.trunk.carrier import Carrier, Gateway
from trunkline.trunk.routes import Route, RouteCarrier

PROGRAMS = Path(__file__).parent / "programs"
RATES = [int(rate) for rate in os.environ.get("RATES", "50 200").split()]
CALLS = int(os.environ.get("CALLS", "2000"))
ROUNDS = int(os.environ.get("ROUNDS", "3"))
DOMAIN, KEY, SECRET = "trunk.example.net", "trunk1", "s3cret-trunk1"
CUSTOMER, CARRIER, CARRIER_PORT = "127.0.0.10", "127.0.0.20", 5080
TRUNKLINE, KAMAILIO = "127.0.0.30", "127.0.0.40"
SETTINGS = f"""
[service]
domain = "{DOMAIN}"
[node]
name = "bench"
data_dir = "{{folder}}"
[sip]
udp = ["{TRUNKLINE}:5060"]
tcp = []
tls = []
[media]
bind_address = "{TRUNKLINE}"
allow_loopback = true
[http]
bind = "{TRUNKLINE}:8090"
"""


class Running(NamedTuple):
    """A system under test."""

    address: str
    pids: list[int]


class Cost(NamedTuple):
    """Of one run."""

    cpu_ms: float
    """Of all processes together, for each call that counted."""
    failed: int
    memory_mb: float
    """Proportional set size afterwards."""


@contextmanager
def trunkline(folder: Path) -> Iterator[Running]:
    """A node of its own with one account, one carrier and one route."""
    file = folder / "trunkline.toml"
    file.write_text(SETTINGS.format(folder=folder))
    settings = Settings.load(file)
    store = Store.initialise(settings.database_url, settings.key_file, DOMAIN)
    store.accounts.add(Account(KEY), SECRET)
    gateway = Gateway(SipUri("sip", None, CARRIER, CARRIER_PORT))
    store.carriers.add(Carrier("carrier", (gateway,), ping_interval_s=None))
    store.routes.add(Route("", (RouteCarrier("carrier"),)))
    store.close()
    code = f"from pathlib import Path; from trunkline.node.run import run; run(Path({str(file)!r}))"
    with running([sys.executable, "-c", code], folder) as pid:
        yield Running(TRUNKLINE, [pid])


@contextmanager
def kamailio(folder: Path) -> Iterator[Running]:
    """Kamailio with two workers and its fastest memory manager, rtpengine in user space."""
    control = f"{KAMAILIO}:2223"
    config = folder / "kamailio.cfg"
    text = (PROGRAMS / "kamailio.cfg").read_text()
    values = {"LISTEN": f"{KAMAILIO}:5060", "CARRIER": f"{CARRIER}:{CARRIER_PORT}", "DATA": str(folder)}
    for name, value in {**values, "CONTROL": control, "CHILDREN": "2"}.items():
        text = text.replace(f"@{name}@", value)
    config.write_text(text)
    (folder / "flat").mkdir()
    relay = [
        "rtpengine",
        "--config-file=none",
        "--table=-1",
        f"--interface={KAMAILIO}",
        f"--listen-ng={control}",
    ]
    relay += ["--port-min=30000", "--port-max=49999", "--num-threads=2", "--media-num-threads=2"]
    relay += ["--delete-delay=0", "--foreground", "--log-stderr", "--log-level=3"]
    proxy = ["kamailio", "-f", str(config), "-DD", "-E", "-m", "256", "-M", "16", "-x", "fm", "-X", "fm"]
    with running(relay, folder) as first, running([*proxy, "-Y", str(folder)], folder) as second:
        yield Running(KAMAILIO, [first, second])


@contextmanager
def running(command: list[str], folder: Path) -> Iterator[int]:
    """A process, given three seconds to begin; its id. Raises `RuntimeError` when it ends at once."""
    with (
        (folder / f"{Path(command[0]).name}.log").open("wb") as log,
        subprocess.Popen(command, cwd=folder, stdout=log, stderr=log) as process,
    ):
        try:
            time.sleep(3)
            if process.poll() is not None:
                raise RuntimeError(f"{command[0]} ended: {Path(log.name).read_text()[-500:]}")
            yield process.pid
        finally:
            process.terminate()


SYSTEMS: dict[str, tuple[tuple[str, ...], Callable[[Path], AbstractContextManager[Running]]]] = {
    "trunkline": ((), trunkline),
    "kamailio + rtpengine": (("kamailio", "rtpengine"), kamailio),
}


def family(pid: int) -> list[int]:
    """A process and all that it has started."""
    found = [pid]
    for parent in found:
        for task in Path(f"/proc/{parent}/task").iterdir():
            found += map(int, (task / "children").read_text().split())
    return found


def cpu_s(pids: list[int]) -> float:
    """Seconds on a processor so far, all threads and processes together."""
    tasks = (task for pid in pids for one in family(pid) for task in Path(f"/proc/{one}/task").iterdir())
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def memory_mb(pids: list[int]) -> float:
    """Proportional set size."""
    total = 0
    for one in (member for pid in pids for member in family(pid)):
        for line in Path(f"/proc/{one}/smaps_rollup").read_text().splitlines():
            total += int(line.split()[1]) if line.startswith("Pss:") else 0
    return total / 1024


def sipp(scenario: Path, host: str, port: int, *more: str) -> list[str]:
    """The command line of one end."""
    command = ["sipp", "-sf", str(scenario), "-i", host, "-p", str(port), "-mi", host, "-nostdin"]
    return [*command, "-buff_size", "4000000", "-default_behaviors", "all,-bye", *more]


def measure(system: Running, rate: int, folder: Path) -> Cost:
    """Place `CALLS` calls, `rate` a second."""
    scenario = folder / "customer.xml"
    relay = system.address.replace(".", r"\.")
    scenario.write_text((PROGRAMS / "customer.xml").read_text().replace("[relay_ip]", relay))
    statistics_file = folder / f"{time.monotonic_ns()}.csv"
    customer = sipp(
        scenario, CUSTOMER, 5060, "-s", "+4989123456", "-key", "user", KEY, "-key", "domain", DOMAIN
    )
    customer += ["-r", str(rate), "-m", str(CALLS), "-l", "4000", "-recv_timeout", "10000"]
    customer += ["-trace_stat", "-stf", str(statistics_file), "-fd", "1", f"{system.address}:5060"]
    quiet = {"cwd": folder, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    carrier = sipp(PROGRAMS / "carrier.xml", CARRIER, CARRIER_PORT)
    with subprocess.Popen(carrier, **quiet) as far_end:  # type: ignore[call-overload]
        try:
            time.sleep(0.5)
            before = cpu_s(system.pids)
            subprocess.run(customer, check=False, **quiet)  # type: ignore[call-overload]
            time.sleep(1)
            used = cpu_s(system.pids) - before
        finally:
            far_end.kill()
    with statistics_file.open() as file:
        last = list(csv.DictReader(file, delimiter=";"))[-1]
    succeeded = int(last["SuccessfulCall(C)"])
    return Cost(1000 * used / max(1, succeeded), CALLS - succeeded, memory_mb(system.pids))


def rounds(rate: int) -> dict[str, list[Cost]]:
    """Each system in turn, `ROUNDS` times, each time fresh."""
    costs: dict[str, list[Cost]] = {}
    for _ in range(ROUNDS):
        for name, (programs, start) in SYSTEMS.items():
            if not all(map(shutil.which, programs)):
                continue
            with tempfile.TemporaryDirectory() as folder, start(Path(folder)) as system:
                costs.setdefault(name, []).append(measure(system, rate, Path(folder)))
    return costs


def main() -> None:
    missing = {
        one for programs, _ in SYSTEMS.values() for one in ("sipp", *programs) if not shutil.which(one)
    }
    if missing:
        print(f"  not installed: {', '.join(sorted(missing))}")
    if "sipp" in missing:
        return
    for rate in RATES:
        costs = rounds(rate)
        ours = statistics.median(cost.cpu_ms for cost in costs["trunkline"])
        for name, runs in costs.items():
            cpu_ms = statistics.median(cost.cpu_ms for cost in runs)
            failed = sum(cost.failed for cost in runs)
            memory = max(cost.memory_mb for cost in runs)
            print(
                f"  {rate:4}/s {name:21} {cpu_ms:6.2f} ms a call, ours is {ours / cpu_ms:4.2f} of it, "
                f"{failed} of {CALLS * ROUNDS} failed, {memory:4.0f} MB"
            )
