"""Whether a call costs the same beside many: in a node with 1,000 numbers and in one with 1,000,000, and
while 100 other calls are up and while 10,000 are.

The two nodes of a pair take calls at the same time and the same rate, so that they share the machine's mood.
In the second pair, the others are up before the first call that counts and end after the last one; what they
take meanwhile is part of its price. Where the machine allows a process too few files, the last of them have
no sockets for their media: they are calls in all else. NUMBERS, LIVE, RATE and CALLS in the environment
change the sizes; an empty NUMBERS or LIVE leaves that pair out.
"""

import os
import resource
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from bench._calls import Cost, measure_together, memory_mb
from bench._systems import KEY, Running, place, trunkline
from trunkline.store.store import Store

NUMBERS = [int(number) for number in os.environ.get("NUMBERS", "1000 1000000").split()]
LIVE = [int(number) for number in os.environ.get("LIVE", "100 10000").split()]
RATE = int(os.environ.get("RATE", "100"))
CALLS = int(os.environ.get("CALLS", "15000"))
FILES_A_CALL = 4
"""Two pairs of sockets."""
FILES_BESIDE = 2000
"""Of the calls that count, of ports that drain, and of all else."""
MEDIA = "port_min = 20000\nport_max = 65534\ntimeout_s = 3600"
"""10,000 calls hold 20,000 pairs, and SIPp sends no audio in them."""


def main() -> None:
    if not shutil.which("sipp"):
        print("  not installed: sipp")
        return
    if NUMBERS:
        beside_numbers()
    if LIVE:
        beside_calls()


def beside_numbers() -> None:
    with ExitStack() as stack:
        nodes = [node(stack, number, prepare=partial(fill, many)) for number, many in enumerate(NUMBERS)]
        say(
            "numbers",
            NUMBERS,
            [memory_mb(one.pids) for one, _ in nodes],
            measure_together(nodes, RATE, CALLS),
        )


def beside_calls() -> None:
    _, allowed = resource.getrlimit(resource.RLIMIT_NOFILE)
    whole = max(LIVE) if allowed == resource.RLIM_INFINITY else (allowed - FILES_BESIDE) // FILES_A_CALL
    if whole < max(LIVE):
        print(f"  of {max(LIVE)} live calls {max(LIVE) - whole} have no sockets: {allowed} files are allowed")
    with ExitStack() as stack:
        nodes = [
            node(stack, number, socketless=(2 * whole, 2 * many) if whole < many else None)
            for number, many in enumerate(LIVE)
        ]
        costs = measure_together(nodes, RATE, CALLS, beside=LIVE)
        say("live calls", LIVE, [cost.memory_mb for cost in costs], costs)


def node(
    stack: ExitStack,
    number: int,
    *,
    prepare: Callable[[Store], None] = lambda _store: None,
    socketless: tuple[int, int] | None = None,
) -> tuple[Running, Path]:
    """One at the place `number`, and its folder, until the stack is closed."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    started = trunkline(folder, place(number), media=MEDIA, prepare=prepare, socketless=socketless)
    return stack.enter_context(started), folder


def fill(many: int, store: Store) -> None:
    """Give the account so many numbers, each forwarded."""
    file = store.database.engine.url.database
    assert file is not None
    with sqlite3.connect(file) as database:
        numbers = [f"4930{number:08}" for number in range(many)]
        rows = ((number, KEY, f"{number}@pbx1.example.com", "[]", time.time()) for number in numbers)
        columns = "e164, account, forwarding, forwarding_warnings, created_at"
        database.executemany(f"INSERT INTO number ({columns}) VALUES (?, ?, ?, ?, ?)", rows)
        targets = (
            (number, f"sip:{number}@pbx1.example.com", f"{number}@pbx1.example.com") for number in numbers
        )
        columns = "number, uri, text, position, media"
        database.executemany(f"INSERT INTO endpoint ({columns}) VALUES (?, ?, ?, 0, 'rtp')", targets)


def say(what: str, sizes: list[int], memory: list[float], costs: list[Cost]) -> None:
    """A line for each node, and the larger beside the smaller."""
    for size, held_mb, cost in zip(sizes, memory, costs, strict=True):
        print(f"  {size:8} {what}: {cost.cpu_ms:5.2f} ms a call, {held_mb:5.0f} MB, {cost.failed} failed")
    ratio = costs[-1].cpu_ms / costs[0].cpu_ms
    print(f"  {what}: a call beside {sizes[-1]} costs {ratio:.2f} of one beside {sizes[0]}")
