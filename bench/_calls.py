"""Calls through a system, placed and answered by SIPp, and what they cost it.

The call: digest authentication, 180, 200, ACK, 50 ms or as long as its system says, BYE; media anchored, a
record written. A call counts only when the customer got the 200 of its BYE and its 200 of INVITE named the
relay. Every thread and process of a system counts.
"""

import csv
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

from bench._systems import CARRIER_PORT, DOMAIN, KEY, PROGRAMS, Running

MOST_LIVE: Final = 20_000
"""Calls that are up at a time; more are not placed until some end."""
CUSTOMER_PORT: Final = 5060
_STANDING_PORT: Final = 5070
"""Of a second customer, whose calls are up all the time."""
STANDING_RATE: Final = 100
"""Calls a second, as those are placed."""
SETTLED_S: Final = 35
"""What is kept of an INVITE for retransmissions is gone after 32 (RFC 3261 §17)."""
_QUIET: Final[Mapping[str, Any]] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


class Cost(NamedTuple):
    """Of one run."""

    cpu_ms: float
    """Of all processes together, for each call that counted."""
    failed: int
    memory_mb: float
    """Proportional set size afterwards."""


def family(pid: int) -> list[int]:
    """A process and all that it has started."""
    found = [pid]
    for parent in found:
        found += [int(child) for task in _tasks(parent) for child in _told(task / "children").split()]
    return found


def _tasks(pid: int) -> list[Path]:
    """Its threads; none of one that has ended."""
    try:
        return list(Path(f"/proc/{pid}/task").iterdir())
    except FileNotFoundError:
        return []


def _told(file: Path) -> str:
    """What the kernel says of a process or thread; nothing, when it has ended meanwhile."""
    try:
        return file.read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def cpu_s(pids: list[int]) -> float:
    """Seconds on a processor so far, all threads and processes together."""
    tasks = (task for pid in pids for one in family(pid) for task in _tasks(one))
    return sum(int((_told(task / "schedstat") or "0").split()[0]) for task in tasks) / 1e9


def memory_mb(pids: list[int]) -> float:
    """Proportional set size."""
    total = 0
    for one in (member for pid in pids for member in family(pid)):
        for line in _told(Path(f"/proc/{one}/smaps_rollup")).splitlines():
            total += int(line.split()[1]) if line.startswith("Pss:") else 0
    return total / 1024


def sipp(scenario: Path, host: str, port: int, *more: str) -> list[str]:
    """The command line of one end."""
    command = ["sipp", "-sf", str(scenario), "-i", host, "-p", str(port), "-mi", host, "-nostdin"]
    return [*command, "-buff_size", "4000000", "-default_behaviors", "all,-bye", *more]


def measure(system: Running, rate: int, calls: int, folder: Path) -> Cost:
    """Place `calls`, `rate` a second."""
    [cost] = measure_together([(system, folder)], rate, calls)
    return cost


def measure_together(
    systems: Sequence[tuple[Running, Path]], rate: int, calls: int, *, beside: Sequence[int] = ()
) -> list[Cost]:
    """Place `calls` through each of `systems`, `rate` a second through each, all at the same time. So many
    more of each as `beside` says are up from before the first to after the last of them: what those take
    meanwhile counts, and they count as failed when they are not up until then.
    """
    with ExitStack() as far_ends:
        for system, folder in systems:
            far_ends.enter_context(carrier(system, folder))
        time.sleep(0.5)
        there_s = max(beside) / STANDING_RATE + SETTLED_S if beside else 0.0
        talk_ms = round(1000 * (there_s + 1.2 * calls / rate + 10))
        others = [
            Customer(system._replace(talk_ms=talk_ms), folder, _STANDING_PORT, STANDING_RATE, many)
            for (system, folder), many in zip(systems, beside, strict=False)
        ]
        time.sleep(there_s)
        before = [cpu_s(system.pids) for system, _ in systems]
        customers = [Customer(system, folder, CUSTOMER_PORT, rate, calls) for system, folder in systems]
        succeeded = [customer.succeeded() for customer in customers]
        time.sleep(1)
        used = [cpu_s(system.pids) - at_first for (system, _), at_first in zip(systems, before, strict=True)]
        memory = [memory_mb(system.pids) for system, _ in systems]
        lost = [other.calls - other.succeeded() for other in others] or [0] * len(systems)
    return [
        Cost(1000 * used_s / max(1, whole), calls - whole + without, held_mb)
        for used_s, whole, without, held_mb in zip(used, succeeded, lost, memory, strict=True)
    ]


@contextmanager
def carrier(system: Running, folder: Path) -> Iterator[None]:
    """SIPp at the far end, taking calls."""
    command = sipp(PROGRAMS / "carrier.xml", system.place.carrier, CARRIER_PORT)
    with subprocess.Popen(command, cwd=folder, **_QUIET) as process:
        try:
            yield
        finally:
            process.kill()


class Customer:
    """SIPp, placing calls."""

    def __init__(self, system: Running, folder: Path, port: int, rate: int, calls: int) -> None:
        self.calls = calls
        address = system.place.system
        scenario = folder / f"customer-{port}.xml"
        self._statistics = folder / f"{time.monotonic_ns()}.csv"
        text = (PROGRAMS / "customer.xml").read_text().replace("[relay_ip]", address.replace(".", r"\."))
        scenario.write_text(text.replace("[talk_ms]", str(system.talk_ms)))
        names = ["-s", "+4989123456", "-key", "user", KEY, "-key", "domain", DOMAIN]
        load = ["-r", str(rate), "-m", str(calls), "-l", str(MOST_LIVE), "-recv_timeout", "10000"]
        told = ["-trace_stat", "-stf", str(self._statistics), "-fd", "1"]
        command = sipp(scenario, system.place.customer, port, *names, *load, *told, f"{address}:5060")
        self._process = subprocess.Popen(command, cwd=folder, **_QUIET)

    def succeeded(self) -> int:
        """How many calls came through whole, once all have ended."""
        self._process.wait()
        with self._statistics.open() as file:
            return int(list(csv.DictReader(file, delimiter=";"))[-1]["SuccessfulCall(C)"])
