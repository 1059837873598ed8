"""The examples of docs/api.md, run by curl against a whole node, in their order."""

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.interop.addresses import free_port, wait_for
from tests.interop.node import HOST, KEY, SECRET, Node, running_node

PAGE = Path(__file__).resolve().parents[3] / "docs" / "api.md"
EXAMPLES = re.findall(r"^```sh\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
NUMBER = "442079460123"


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    settings = {"web.enabled": True, "web.bind": f"{HOST}:{free_port()}"}
    with running_node(tmp_path_factory.mktemp("api") / "node", settings) as node:
        yield node


@pytest.fixture(scope="module")
def api(node: Node) -> str:
    """Where the API is, as soon as it answers."""
    url = f"http://{node._wanted['web.bind']}"

    def answers() -> bool:
        try:
            return httpx.get(f"{url}/v1/me", trust_env=False, timeout=10).status_code == 401
        except httpx.TransportError:
            return False

    wait_for("the API", answers, within_s=30.0)
    return url


def test_the_examples(node: Node, api: str, require_program: Callable[[str], str]) -> None:
    require_program("curl")
    token = node.command("token", "add", "--user", "admin", "--for", "first steps")["token"]
    environment = {"PATH": os.environ["PATH"], "API": api, "TOKEN": token, "LC_ALL": "C"}
    answers = []
    for example in EXAMPLES:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", example],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, f"{example}\n{done.stdout}\n{done.stderr}"
        answers.append(done.stdout)
    assert len(answers) == 6
    assert json.loads(answers[0]) == {"name": "admin", "role": "operator", "account": None}
    assert node.command("number", "show", NUMBER)["forwarding"] == [
        "100@192.0.2.10;timeout=2000",
        "sips:100@pbx2.example.com",
    ]
    assert "100@192.0.2.10" in str(json.loads(answers[2])["steps"])
    assert len(json.loads(answers[4])["secret"]) == 16
    assert node.command("account", "show", "trunk1")["max_per_second"] == 3


def test_a_customer_with_key_and_secret(node: Node, api: str) -> None:
    with httpx.Client(base_url=f"{api}/v1", auth=(KEY, SECRET), trust_env=False) as customer:
        assert customer.get("/me").json()["account"] == KEY
        assert customer.get("/accounts/trunk1").status_code == 404
        assert customer.get("/node").status_code == 403


def test_changes_are_in_the_trail_with_their_door(node: Node, api: str) -> None:
    with httpx.Client(base_url=f"{api}/v1", auth=(KEY, SECRET), trust_env=False) as customer:
        made = customer.post("/accounts/" + KEY + "/secrets", json={})
        assert made.status_code == 201
        customer.delete(f"/accounts/{KEY}/secrets/{made.json()['id']}")
    entries = node.command("audit", "--account", KEY)
    assert [(entry["action"], entry["via"]) for entry in entries[:2]] == [
        ("revoke-secret", "api"),
        ("add-secret", "api"),
    ]


def test_the_reference_is_served(api: str) -> None:
    page = httpx.get(f"{api}/v1/docs", trust_env=False)
    assert "Forward to SIP" in page.text
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
