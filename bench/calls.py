"""What a call through the trunk costs: CPU milliseconds of the embedded node, of Kamailio with rtpengine, of
Asterisk.

The systems take turns at each rate, because the machine's mood weighs more than a single run can tell; RATES,
CALLS and ROUNDS in the environment change the load, WITHOUT (names, separated by commas) leaves systems out.
"""

import os
import platform
import statistics

from bench._calls import Cost, measure
from bench._systems import started, systems

RATES = [int(rate) for rate in os.environ.get("RATES", "50 200").split()]
CALLS = int(os.environ.get("CALLS", "2000"))
ROUNDS = int(os.environ.get("ROUNDS", "3"))


def rounds(names: list[str], rate: int) -> dict[str, list[Cost]]:
    """Each system in turn, `ROUNDS` times, each time fresh."""
    costs: dict[str, list[Cost]] = {name: [] for name in names}
    for _ in range(ROUNDS):
        for name in names:
            with started(name) as (system, folder):
                costs[name].append(measure(system, rate, CALLS, folder))
    return costs


def main() -> None:
    names = systems()
    if not names:
        return
    print(f"  {platform.python_implementation()} {platform.python_version()}, {platform.python_compiler()}")
    for rate in RATES:
        costs = rounds(names, rate)
        ours = statistics.median(cost.cpu_ms for cost in costs["trunkline"])
        for name, runs in costs.items():
            cpu_ms = statistics.median(cost.cpu_ms for cost in runs)
            failed = sum(cost.failed for cost in runs)
            memory = max(cost.memory_mb for cost in runs)
            print(
                f"  {rate:4}/s {name:21} {cpu_ms:6.2f} ms a call, ours is {ours / cpu_ms:4.2f} of it, "
                f"{failed} of {CALLS * ROUNDS} failed, {memory:4.0f} MB"
            )
