"""A node, and the softphone `PHONE` of the module as a customer's phone."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.interop.conftest import Speak, Start
from tests.interop.node import DOMAIN, KEY, Node, running_node
from tests.interop.softphones.linphone import Linphone
from tests.interop.softphones.softphone import Softphone
from tests.interop.softphones.trial import CARRIER, NUMBER, PORT, SECURE_NUMBER, THIRD, THIRD_PORT, Trial


@pytest.fixture(scope="module")
def kind(request: pytest.FixtureRequest) -> type[Softphone]:
    kind: type[Softphone] = request.module.PHONE
    return kind


@pytest.fixture(scope="module")
def node(kind: type[Softphone], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    settings = {"service.digest": [kind.digest]}
    with running_node(tmp_path_factory.mktemp("softphone") / "node", settings) as node:
        for name, host, port, prefix in (("main", CARRIER, PORT, "44"), ("third", THIRD, THIRD_PORT, "33")):
            node.command("carrier", "add", name, "--gateway", f"sip:{host}:{port}")
            node.command("route", "add", prefix, "--carrier", name)
        node.command("carrier", "set", "main", "--source", CARRIER)
        node.command("account", "set", KEY, "--refer")
        registered = f"sip:{KEY}@{DOMAIN}"
        node.command("number", "add", NUMBER, "--account", KEY, "--forward", registered)
        secure = f"{registered};media=srtp;transport=tls"
        node.command("number", "add", SECURE_NUMBER, "--account", KEY, "--forward", secure)
        yield node


@pytest.fixture(scope="module")
def phone(kind: type[Softphone], node: Node, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Softphone]:
    with closing(kind(tmp_path_factory.mktemp("softphone") / "home", trunk=node.port)) as phone:
        yield phone


@pytest.fixture(scope="module")
def secure_phone(node: Node, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Linphone]:
    """By TLS, and with SRTP only."""
    home = tmp_path_factory.mktemp("softphone") / "secure"
    with closing(Linphone(home, trunk=node.tls_port, secure=True)) as phone:
        yield phone


@pytest.fixture
def trial(node: Node, sipp: Start, voice: Speak) -> Trial:
    return Trial(node, sipp, voice)
