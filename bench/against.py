"""What a call costs in this checkout, in another one, and in Kamailio with rtpengine, all at the same time.

Systems that run one after the other each meet another machine: on one that others work on, the same code
differs by a fifth from run to run. Side by side they share its mood, and what a change is worth shows through
from 3 % on. Each is started anew in every round, in another order.

AGAINST in the environment is the other checkout: built, and of the same database schema. RATES, CALLS and
ROUNDS change the load.
"""

import os
import shutil
import statistics
import tempfile
from collections import defaultdict
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

from bench._calls import Cost, measure_together
from bench._systems import Place, Running, kamailio, place, trunkline

RATES = [int(rate) for rate in os.environ.get("RATES", "60").split()]
CALLS = int(os.environ.get("CALLS", "600"))
ROUNDS = int(os.environ.get("ROUNDS", "4"))

Start = Callable[[Path, Place], AbstractContextManager[Running]]


def contenders() -> dict[str, Start]:
    """Who runs, this checkout first."""
    starts: dict[str, Start] = {"here": trunkline}
    other = os.environ.get("AGAINST")
    if other:
        sources = Path(other).resolve() / "src"
        starts["there"] = lambda folder, where: trunkline(folder, where, sources)
    if shutil.which("kamailio") and shutil.which("rtpengine"):
        starts["kamailio + rtpengine"] = kamailio
    return starts


def one_round(starts: dict[str, Start], first: int, rate: int) -> dict[str, Cost]:
    """All of them at once; `first` says who is started first."""
    names = [*starts][first:] + [*starts][:first]
    with ExitStack() as stack:
        running = []
        for number, name in enumerate(names):
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            running.append((stack.enter_context(starts[name](folder, place(number))), folder))
        return dict(zip(names, measure_together(running, rate, CALLS), strict=True))


def main() -> None:
    starts = contenders()
    for rate in RATES:
        costs: dict[str, list[Cost]] = defaultdict(list)
        for number in range(ROUNDS):
            for name, cost in one_round(starts, number % len(starts), rate).items():
                costs[name].append(cost)
        here = [cost.cpu_ms for cost in costs["here"]]
        for name in starts:
            cpu_ms = [cost.cpu_ms for cost in costs[name]]
            ratio = statistics.geometric_mean([mine / its for mine, its in zip(here, cpu_ms, strict=True)])
            failed = sum(cost.failed for cost in costs[name])
            memory = max(cost.memory_mb for cost in costs[name])
            print(
                f"  {rate:4}/s each {name:21} {statistics.median(cpu_ms):6.2f} ms a call, "
                f"here is {ratio:4.2f} of it, {failed} of {CALLS * ROUNDS} failed, {memory:4.0f} MB"
            )
