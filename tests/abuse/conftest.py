"""The node that is thrown at: the real program, with its door held open (`limits.source_requests`), for
what is tested is the house behind it. `test_flood.py` has a node with the door as it comes.
"""

from collections.abc import Iterator

import pytest

from tests.interop.addresses import free_port
from tests.interop.node import Node, running_node

OPEN_DOOR = {
    "limits.source_requests": 1_000_000,
    "limits.known_source_requests": 1_000_000,
    "limits.strangers_requests": 1_000_000,
    "limits.ban_failures": 1_000_000,
    "pstn.enabled": True,
    "log.level": "info",
}


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    directory = tmp_path_factory.mktemp("abuse") / "node"
    pstn = f"127.0.0.1:{free_port()}"
    with running_node(directory, {**OPEN_DOOR, "pstn.bind": pstn}) as node:
        node.command("carrier", "add", "pstn", "--gateway", f"sip:{pstn}")
        node.command("route", "add", "999", "--carrier", "pstn")
        yield node
