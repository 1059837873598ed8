"""Several nodes of one service, each a process of its own: one SQLite database, one Redis server."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.contract.live.server import LiveServer
from tests.interop.addresses import wait_for
from tests.interop.node import Node

CARRIER = "127.0.0.20"
_MAY_WAIT = ("trunkline.store.record_delivery",)
"""Several processes write one SQLite file: on a busy machine one may find it locked for too long. Its records
wait in the journal then.
"""


class Site:
    """The nodes, and what they share."""

    def __init__(self, server: LiveServer, nodes: list[Node]) -> None:
        self.server = server
        self.nodes = nodes

    @property
    def running(self) -> list[Node]:
        """The nodes that run."""
        return [node for node in self.nodes if node.process is not None]

    def total(self, gauge: str) -> int:
        """The sum of a number of all of them."""
        return sum(int(node.gauge(gauge)) for node in self.running)

    def wait_until_exact(self) -> None:
        """Until none of them decides by its share."""
        wait_for("exact limits", lambda: self.total("live_exact") == len(self.running), within_s=30)


@contextmanager
def running_site(
    directory: Path,
    number: int,
    carrier_port: int,
    *,
    directory_commands: Sequence[Sequence[str]] = (),
    settings: Mapping[str, object] | None = None,
) -> Iterator[Site]:
    """So many nodes that are up and decide exactly. `directory_commands` come before their
    start.
    """
    server = LiveServer(directory)
    patient = {"live.lease_s": 6.0, "live.timeout_ms": 2000}  # the machine may be busy with other tests
    shared = {"live.url": server.url, **patient, **(settings or {})}
    first = Node(directory / "node-1", {**shared, "node.name": "node-1"})
    nodes: list[Node] = [first]
    try:
        first.init()
        first.command("carrier", "add", "main", "--gateway", f"sip:{CARRIER}:{carrier_port}")
        first.command("route", "add", "44", "--carrier", "main")
        for command in directory_commands:
            first.command(*command)
        for index in range(2, number + 1):
            own = {**shared, "node.name": f"node-{index}"}
            another = Node(directory / f"node-{index}", own, beside=first)
            nodes.append(another)
            another.init()
        for node in nodes:
            node.start()
        site = Site(server, nodes)
        site.wait_until_exact()
        yield site
        for node in nodes:
            errors = [line for line in node.log() if line["level"] in ("error", "critical")]
            assert all(line.get("logger") in _MAY_WAIT for line in errors), errors
    finally:
        for node in nodes:
            node.close()
        server.kill()
