"""What a directory of a million numbers costs: to load it from the database and from its file, to hold it, to
find a number in it, and what one change of a number takes from the event loop.

Each size is measured in a process of its own. NUMBERS in the environment changes the sizes.
"""

import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from bench._systems import DOMAIN, KEY
from bench.scale import fill
from trunkline.call.pinger import Pinger
from trunkline.clock import Timer
from trunkline.store.directory_source import DirectorySource, Update, apply_update
from trunkline.store.snapshot_file import read_snapshot
from trunkline.store.store import Store
from trunkline.trunk.account import Account
from trunkline.trunk.directory import Directory, Put
from trunkline.trunk.forwarding import ForwardingList
from trunkline.trunk.health import HealthBook
from trunkline.trunk.number import Number

NUMBERS = [int(number) for number in os.environ.get("NUMBERS", "1000 1000000").split()]
LOOKS = 20_000
CHANGES = 1000


def main() -> None:
    for many in NUMBERS:
        process = multiprocessing.get_context("spawn").Process(target=measure, args=(many,))
        process.start()
        process.join()


def measure(many: int) -> None:
    """Print a line for a directory of so many numbers."""
    with tempfile.TemporaryDirectory() as folder:
        url, key_file, file = (
            f"sqlite:///{folder}/x.db",
            Path(folder) / "key",
            Path(folder) / "directory.json",
        )
        store = Store.initialise(url, key_file, DOMAIN)
        store.accounts.add(Account(KEY))
        fill(many, store)
        source = DirectorySource(store.database, store.keyring, file)
        before_mb, began_s, began_cpu_s = resident_mb(), time.monotonic(), time.process_time()
        snapshot = source.load()
        load_s, load_cpu_s = time.monotonic() - began_s, time.process_time() - began_cpu_s
        held_mb = resident_mb() - before_mb
        began_cpu_s = time.process_time()
        read_snapshot(file)
        file_cpu_s = time.process_time() - began_cpu_s
        size_mb = file.stat().st_size / 1e6
        store.close()
    directory = Directory(snapshot)
    pinger = paper_pinger(directory)
    pinger.refresh()
    names = [f"4930{number * 7919 % many:08}" for number in range(LOOKS)]
    found_us = each_us([partial(directory.number, e164) for e164 in names])
    changed_us = each_us([change(directory, pinger, e164, n) for n, e164 in enumerate(names[:CHANGES])])
    refreshed_us = each_us([pinger.refresh])
    print(
        f"  {many:8} numbers: loaded and saved in {load_s:.1f} s ({load_cpu_s:.1f} s CPU), {held_mb:.0f} MB; "
        f"its file, {size_mb:.0f} MB, read in {file_cpu_s:.1f} s CPU"
    )
    print(
        f"           a number found in {found_us:.0f} µs; the loop held for {changed_us:.0f} µs by a change "
        f"of one, for {refreshed_us:.0f} µs by a change of a carrier"
    )


def change(directory: Directory, pinger: Pinger, e164: str, number: int) -> Callable[[], None]:
    """Forward the number to somewhere else, as the node takes it over."""
    forwarding = ForwardingList.parse(f"x@pbx{number % 10}.example.net")
    update = Update(None, (Put(Number(e164, KEY, forwarding)),))

    def take() -> None:
        for before, after in apply_update(directory, update) or ():
            pinger.follow(before, after)

    return take


def paper_pinger(directory: Directory) -> Pinger:
    """A pinger whose clock never comes round."""
    clock = Standstill()
    services: Any = SimpleNamespace(
        directory=directory,
        health=HealthBook(clock),
        clock=clock,
        settings=SimpleNamespace(service_domain=DOMAIN),
        agent=SimpleNamespace(uniform=lambda least, _most: least),
    )
    return Pinger(services, interval_s=30.0)


class Standstill:
    """A clock that stands still."""

    def now(self) -> float:
        return 0.0

    def wall(self) -> float:
        return 0.0

    def at(self, when: float, callback: Callable[[], None]) -> Timer:
        return Timer(when, callback)


def each_us(steps: list[Callable[[], object]]) -> float:
    """The median of what each step takes, in microseconds."""
    took: list[float] = []
    for step in steps:
        began = time.perf_counter()
        step()
        took.append(time.perf_counter() - began)
    return statistics.median(took) * 1e6


def resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
