"""A node, a real PBX configured by `trunkline pbx`, and a name server between them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.addresses import free_port
from tests.interop.asterisk.program import PBXS, PHONE, RESOLVER, Asterisk, Pbx, require_root
from tests.interop.names import name_server
from tests.interop.node import DOMAIN, HOST, KEY, SECRET, Node, running_node

NUMBER = "12125550200"
CARRIER = "127.0.0.20"
CARRIER_PORT = free_port(CARRIER)
PHONE_HOST = "127.0.0.11"
PHONE_PORT = free_port(PHONE_HOST)


@pytest.fixture(scope="package")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    settings = {"sip.advertised_host": HOST}
    with running_node(tmp_path_factory.mktemp("asterisk") / "node", settings) as node:
        node.command("carrier", "add", "main", "--gateway", f"sip:{CARRIER}:{CARRIER_PORT}")
        node.command("carrier", "set", "main", "--source", CARRIER)
        node.command("route", "add", "44", "--carrier", "main")
        node.command("number", "add", NUMBER, "--account", KEY)
        yield node


@pytest.fixture(scope="package", params=PBXS, ids=str)
def pbx(
    request: pytest.FixtureRequest, node: Node, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Asterisk]:
    """A PBX that has registered; the number is forwarded to its phone."""
    which: Pbx = request.param
    require_root(which)
    port = free_port()
    files = written(node, which.kind, port, tmp_path_factory.mktemp("written"))
    node.command("number", "forward", NUMBER, f"{PHONE}@{HOST}:{port}")
    with name_server({(f"{DOMAIN}.", "A"): HOST}, (RESOLVER, 53)):
        asterisk = Asterisk(which, files=files, port=port, phone=(PHONE_HOST, PHONE_PORT))
        try:
            asterisk.registered()
            yield asterisk
        finally:
            asterisk.close()


def written(node: Node, kind: str, port: int, folder: Path) -> dict[str, str]:
    """What `trunkline pbx` writes, by name."""
    node.run(
        *("pbx", kind, "--account", KEY, "--secret", SECRET, "--pbx-port", str(port), "--out", str(folder))
    )
    return {file.name: file.read_text() for file in folder.rglob("*") if file.is_file()}
