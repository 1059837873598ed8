"""The health check as sipsak does it: 200 without credentials, over UDP and TCP. And REGISTER."""

import re
import subprocess
from collections.abc import Callable, Iterator

import pytest

from tests.interop.cases import Case, Program
from tests.interop.node import DOMAIN, HOST, KEY, SECRET, Node, running_node

pytestmark = pytest.mark.program(Program.SIPSAK)

Require = Callable[[str], str]


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    with running_node(tmp_path_factory.mktemp("sipsak") / "node") as node:
        yield node


def _sipsak(program: str, *arguments: str) -> str:
    done = subprocess.run(
        [program, *arguments], capture_output=True, text=True, timeout=60, check=False, errors="replace"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.case(Case.QUALIFY)
@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_options_is_answered(node: Node, require_program: Require, transport: str) -> None:
    output = _sipsak(
        require_program("sipsak"), "-vvv", "--transport", transport, "-s", f"sip:{HOST}:{node.port}"
    )
    assert "SIP/2.0 200 OK" in output
    assert re.search(r"(?m)^Allow: .*\bINVITE\b", output)
    assert re.search(r"(?m)^Accept: application/sdp", output)
    assert "Authenticate" not in output


def test_a_hundred_pings_in_a_row(node: Node, require_program: Require) -> None:
    _sipsak(require_program("sipsak"), "--timing", "100", "-s", f"sip:{HOST}:{node.port}")


@pytest.mark.case(Case.REGISTER)
def test_register_by_sipsak(node: Node, require_program: Require) -> None:
    output = _sipsak(
        require_program("sipsak"),
        *("-U", "-vvv", "-u", KEY, "-a", SECRET, "--expires", "60", "--symmetric"),
        *("-C", f"sip:{KEY}@127.0.0.60:5999", "--outbound-proxy", f"{HOST}:{node.port}"),
        *("-s", f"sip:{KEY}@{DOMAIN}"),
    )
    assert "SIP/2.0 401" in output
    assert "SIP/2.0 200 OK" in output
    (row,) = node.command("registration", "list")
    assert row["account"] == KEY
