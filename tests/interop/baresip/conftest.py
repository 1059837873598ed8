"""A node that serves baresip, and softphones."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.interop.addresses import free_port
from tests.interop.audio import RATE
from tests.interop.baresip.program import Baresip
from tests.interop.node import DOMAIN, HOST, KEY, SECRET, Node, running_node

PHONE = "127.0.0.1"
CARRIER = "127.0.0.20"
PORT = free_port(CARRIER)
NUMBER = "12125550200"
SECURE_NUMBER = "12125550201"

Phone = Callable[..., Baresip]


@pytest.fixture(scope="package")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    with running_node(tmp_path_factory.mktemp("baresip") / "node", {"service.digest": ["MD5"]}) as node:
        node.command("carrier", "add", "main", "--gateway", f"sip:{CARRIER}:{PORT}")
        node.command("route", "add", "44", "--carrier", "main")
        node.command("number", "add", NUMBER, "--account", KEY, "--forward", f"sip:{KEY}@{DOMAIN}")
        secure = f"sip:{KEY}@{DOMAIN};media=srtp;transport=tls"
        node.command("number", "add", SECURE_NUMBER, "--account", KEY, "--forward", secure)
        yield node


@pytest.fixture
def phone(tmp_path: Path, node: Node) -> Iterator[Phone]:
    """`phone(transport="tcp")` is a registered softphone that says 440 Hz."""
    started: list[Baresip] = []

    def start(
        *,
        transport: str = "udp",
        host: str = PHONE,
        answer: str = "auto",
        codecs: str = "PCMU,PCMA",
        extra: str = "",
    ) -> Baresip:
        rate = 16000 if codecs.startswith("G722") else RATE
        made = Baresip(tmp_path / f"phone{len(started)}", host=host, frequency=440, rate=rate)
        started.append(made)
        port = node.tls_port if transport == "tls" else node.port
        made.start(
            f"<sip:{KEY}@{DOMAIN}>;auth_user={KEY};auth_pass={SECRET};regint=600;answermode={answer}"
            f';outbound="sip:{HOST}:{port};transport={transport}";audio_codecs={codecs};dtmfmode=rtpevent{extra}'
        )
        made.registered()
        return made

    yield start
    for item in started:
        item.close()
