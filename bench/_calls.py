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


def measure_together(systems: Sequence[tuple[Running, Path]], rate: int, calls: int) -> list[Cost]:
    """Place `calls` through each of `systems`, `rate` a second through each, all at the same time."""
    with ExitStack() as far_ends:
        for system, folder in systems:
            far_ends.enter_context(_carrier(system, folder))
        time.sleep(0.5)
        before = [cpu_s(system.pids) for system, _ in systems]
        customers = [_customer(system, rate, calls, folder) for system, folder in systems]
        for customer, _ in customers:
            customer.wait()
        time.sleep(1)
        used = [cpu_s(system.pids) - at_first for (system, _), at_first in zip(systems, before, strict=True)]
    return [
        _cost(system, calls, statistics, one)
        for (system, _), (_, statistics), one in zip(systems, customers, used, strict=True)
    ]


@contextmanager
def _carrier(system: Running, folder: Path) -> Iterator[None]:
    command = sipp(PROGRAMS / "carrier.xml", system.place.carrier, CARRIER_PORT)
    with subprocess.Popen(command, cwd=folder, **_QUIET) as far_end:
        try:
            yield
        finally:
            far_end.kill()


def _customer(system: Running, rate: int, calls: int, folder: Path) -> tuple[subprocess.Popen[bytes], Path]:
    """SIPp at work, and the file of its counts."""
    address = system.place.system
    scenario = folder / "customer.xml"
    statistics = folder / f"{time.monotonic_ns()}.csv"
    relay = address.replace(".", r"\.")
    text = (PROGRAMS / "customer.xml").read_text().replace("[relay_ip]", relay)
    scenario.write_text(text.replace("[talk_ms]", str(system.talk_ms)))
    customer = sipp(
        scenario,
        system.place.customer,
        5060,
        "-s",
        "+4989123456",
        "-key",
        "user",
        KEY,
        "-key",
        "domain",
        DOMAIN,
    )
    customer += ["-r", str(rate), "-m", str(calls), "-l", str(MOST_LIVE), "-recv_timeout", "10000"]
    customer += ["-trace_stat", "-stf", str(statistics), "-fd", "1", f"{address}:5060"]
    return subprocess.Popen(customer, cwd=folder, **_QUIET), statistics


def _cost(system: Running, calls: int, statistics: Path, used_s: float) -> Cost:
    with statistics.open() as file:
        last = list(csv.DictReader(file, delimiter=";"))[-1]
    succeeded = int(last["SuccessfulCall(C)"])
    return Cost(1000 * used_s / max(1, succeeded), calls - succeeded, memory_mb(system.pids))
