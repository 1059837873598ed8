"""What a node keeps: its memory (PSS) before any call, after 10,000 calls and 20,000, at 200 a second."""

from bench._calls import measure, memory_mb
from bench._systems import started, systems

RATE = 200
CALLS = 10_000


def main() -> None:
    if "trunkline" not in systems():
        return
    with started("trunkline") as (system, folder):
        print(f"  {memory_mb(system.pids):4.0f} MB before the first call")
        for calls in (CALLS, 2 * CALLS):
            cost = measure(system, RATE, CALLS, folder)
            print(f"  {cost.memory_mb:4.0f} MB after {calls} calls, {cost.failed} failed")
