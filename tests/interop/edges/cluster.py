"""Nodes on one PostgreSQL database, each at an address of its own."""

import itertools
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from tests.interop.addresses import wait_for
from tests.interop.node import Node
from tests.postgres import Cluster

LOST_AFTER_S = 8.0
"""Longer than a busy machine lets a node wait for its turn."""
soon = partial(wait_for, within_s=60.0)
_numbers = itertools.count(1)


@contextmanager
def nodes_of(
    directory: Path,
    cluster: Cluster,
    hosts: Mapping[str, tuple[str, str]],
    settings: Mapping[str, object] | None = None,
) -> Iterator[list[Node]]:
    """Nodes by name, each with its region and address, on a database of the `cluster`; made, and not started.
    What a node's `Server` says is its name.
    """
    with ExitStack() as opened:
        made: list[Node] = []
        shared = f"edges{next(_numbers)}"
        database = cluster.create(shared)
        opened.callback(cluster.drop, shared)
        for name, (region, host) in hosts.items():
            node = Node(directory / name, host=host, database=database, beside=made[0] if made else None)
            opened.callback(node.close)
            node.init()
            node.set(
                {
                    "node.name": name,
                    "node.region": region,
                    "node.lost_after_s": LOST_AFTER_S,
                    "service.product": name,
                    "sip.udp": [f"{host}:{node.port}"],
                    "sip.tcp": [f"{host}:{node.port}"],
                    "sip.tls": [],
                    **(settings or {}),
                }
            )
            made.append(node)
        yield made


def listed(node: Node, name: str) -> dict[str, Any]:
    """What `trunkline node list` says of the node `name`."""
    rows = [row for row in node.command("node", "list") if row["name"] == name]
    return rows[0] if rows else {"standing": "unknown"}


def await_standing(node: Node, name: str, *standings: str, within_s: float = 60.0) -> None:
    """Until the list says so."""
    wait_for(
        f"{name} to be {' or '.join(standings)}",
        lambda: listed(node, name)["standing"] in standings,
        within_s=within_s,
        every_s=0.2,
    )
