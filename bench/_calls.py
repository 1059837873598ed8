"""Calls through a system, placed and answered by SIPp, and what they cost it.

The call: digest authentication, 180, 200, ACK, 50 ms, BYE; media anchored, a record written. A call counts
only when the customer got the 200 of its BYE and its 200 of INVITE named the relay. Every thread and process
of a system counts.
"""

import csv
import subprocess
import time
from pathlib import Path
from typing import NamedTuple

from bench._systems import CARRIER, CARRIER_PORT, CUSTOMER, DOMAIN, KEY, PROGRAMS, Running


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


def measure(system: Running, rate: int, calls: int, folder: Path) -> Cost:
    """Place `calls`, `rate` a second."""
    scenario = folder / "customer.xml"
    relay = system.address.replace(".", r"\.")
    scenario.write_text((PROGRAMS / "customer.xml").read_text().replace("[relay_ip]", relay))
    statistics_file = folder / f"{time.monotonic_ns()}.csv"
    customer = sipp(
        scenario, CUSTOMER, 5060, "-s", "+4989123456", "-key", "user", KEY, "-key", "domain", DOMAIN
    )
    customer += ["-r", str(rate), "-m", str(calls), "-l", "4000", "-recv_timeout", "10000"]
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
    return Cost(1000 * used / max(1, succeeded), calls - succeeded, memory_mb(system.pids))
