"""What a second node brings: the CPU of a call on each of two nodes that share PostgreSQL and Redis,
beside that on a node by itself.

Where the machine has no processors beside those of the two nodes, SIPp and the servers run on the same ones,
so the highest rate of both nodes together can't be had. What is measured is what a call costs a node, and a
node's capacity is the inverse of that: two nodes carry 2 × (cost by itself) ÷ (cost together) times as much
as one, as far as the servers go along. What those spend on a call is printed beside it.

Four nodes take calls at the same time, each at the same rate, so that they share the machine's mood: one with
SQLite and no Redis, one with a database and a keyspace of its own, two on one database and one keyspace. Each
is pinned to a processor, and the lone ones change it every round. The account has a limit, so that Redis is
asked about every call. RATE, CALLS and ROUNDS in the environment change the load.
"""

import os
import shutil
import statistics
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import redis

from bench._calls import Cost, cpu_s, measure_together
from bench._systems import KEY, Running, place, trunkline
from tests.contract.live.server import LiveServer
from tests.interop.addresses import free_port
from tests.postgres import Cluster, running_cluster
from trunkline.store.store import Store

RATE = int(os.environ.get("RATE", "30"))
CALLS = int(os.environ.get("CALLS", "1000"))
ROUNDS = int(os.environ.get("ROUNDS", "4"))
MANY = 1_000_000
"""A limit that nobody reaches."""


class Used(NamedTuple):
    """What the servers have done."""

    cpu_ms: float
    rows: float
    """Written to tables."""
    commits: float
    wal: float
    """Bytes of PostgreSQL's log of changes."""
    scripts: float
    """Run by Redis: exchanges with nodes."""


class Servers:
    """PostgreSQL and Redis, and fresh places in them."""

    def __init__(self, stack: ExitStack) -> None:
        self._cluster: Cluster = stack.enter_context(running_cluster(free_port()))
        self._redis = LiveServer(Path(stack.enter_context(tempfile.TemporaryDirectory())))
        stack.callback(self._redis.kill)
        self._used = 0

    def sections(self) -> str:
        """Settings of nodes that are to share one."""
        self._used += 1
        database = self._cluster.create(f"bench{self._used}")
        live = self._redis.url.removesuffix("/0") + f"/{self._used % 16}"
        return f'[database]\nurl = "{database}"\n[live]\nurl = "{live}"\n'

    def used(self) -> Used:
        """So far."""
        processes = (self._cluster._process, self._redis._process)
        rows = "sum(n_tup_ins + n_tup_upd + n_tup_del)"
        names = [f"bench{number + 1}" for number in range(self._used)]
        told = [
            self._cluster.execute(f"SELECT {rows} FROM pg_stat_user_tables", name)[0][0] for name in names
        ]
        commits = "SELECT sum(xact_commit) FROM pg_stat_database"
        written = "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')"
        with redis.Redis(port=self._redis.port) as client:
            scripts = client.info("commandstats").get("cmdstat_evalsha", {}).get("calls", 0)
        return Used(
            1000 * cpu_s([process.pid for process in processes if process is not None]),
            float(sum(int(str(rows)) for rows in told)),
            float(str(self._cluster.execute(commits)[0][0])),
            float(str(self._cluster.execute(written)[0][0])),
            float(scripts),
        )


def limit(store: Store) -> None:
    store.accounts.update(KEY, max_concurrent=MANY)


def run(servers: Servers, number: int) -> tuple[list[Cost], list[float]]:
    """What each of the four nodes took, and the servers for a call, as `Used`. The round's `number` says
    where the lone ones run.
    """
    with ExitStack() as stack:
        folders = [Path(stack.enter_context(tempfile.TemporaryDirectory())) for _ in range(4)]
        shared = servers.sections()
        layout = (
            ("", None, number % 2),
            (servers.sections(), None, (number + 1) % 2),
            (shared, None, 0),
            (shared, folders[2], 1),
        )
        nodes: list[tuple[Running, Path]] = []
        for at, (sections, beside, processor) in enumerate(layout):
            node = trunkline(
                folders[at],
                place(at),
                name=f"node-{at}",
                more=sections,
                prepare=limit,
                beside=beside,
                processor=processor,
            )
            nodes.append((stack.enter_context(node), folders[at]))
        before = servers.used()
        costs = measure_together(nodes, RATE, CALLS)
        after = servers.used()
    counted = max(1, 3 * CALLS - sum(cost.failed for cost in costs[1:]))
    return costs, [(now - then) / counted for now, then in zip(after, before, strict=True)]


def main() -> None:
    if not shutil.which("sipp") or (os.cpu_count() or 1) < 2:
        print("  it takes sipp and two processors")
        return
    with ExitStack() as stack:
        servers = Servers(stack)
        rounds = [run(servers, number) for number in range(ROUNDS)]
    for at, name in enumerate(("SQLite, by itself", "by itself", "together", "together")):
        costs = [costs[at] for costs, _ in rounds]
        node_ms = statistics.median(cost.cpu_ms for cost in costs)
        failed = sum(cost.failed for cost in costs)
        print(f"  {name:17} {node_ms:5.2f} ms a call, {failed} of {CALLS * ROUNDS} failed")
    for at, name in ((0, "with SQLite"), (1, "by itself")):
        ratios = [4 * costs[at].cpu_ms / (costs[2].cpu_ms + costs[3].cpu_ms) for costs, _ in rounds]
        listed = ", ".join(f"{ratio:4.2f}" for ratio in sorted(ratios))
        print(
            f"  two carry {statistics.median(ratios):4.2f} times the calls of one {name} (rounds: {listed})"
        )
    each = [statistics.median(used[at] for _, used in rounds) for at in range(len(Used._fields))]
    used = Used(*each)
    print(f"  PostgreSQL and Redis, a call, {RATE}/s a node: {used.cpu_ms:4.2f} ms, {used.rows:.1f} rows in")
    print(f"  {used.commits:.2f} commits with {used.wal:.0f} bytes of log, {used.scripts:.2f} exchanges")
