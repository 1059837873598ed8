"""`make audit` fails on a known hole, and on nothing else: against an OSV of its own on the loopback."""

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests.unit.net.wire import closed_port

ROOT = Path(__file__).resolve().parents[1]


@contextmanager
def osv(holes: dict[tuple[str, str], str], *, silent: bool = False) -> Iterator[str]:
    """Knows of these (ecosystem, name) an advisory each; `silent` gives no results at all."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["queries"]
            packages = [(query["package"]["ecosystem"], query["package"]["name"]) for query in asked]
            results = [{"vulns": [{"id": holes[each]}]} if each in holes else {} for each in packages]
            body = json.dumps({"results": [] if silent else results}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: Any) -> None:
            return

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree with what the audit reads."""
    for name in ("tools/audit.py", "tools/advisories.toml", "native/Cargo.lock"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def audit(tree: Path, service: str) -> tuple[int, str]:
    """Its exit status, and what it says."""
    done = subprocess.run(
        [sys.executable, str(tree / "tools/audit.py")],
        env={**os.environ, "OSV_SERVICE": service, "no_proxy": "*"},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def test_everything_is_asked_about_and_nothing_is_known(tree: Path) -> None:
    with osv({}) as service:
        status, said = audit(tree, service)
    assert (status, said[:7]) == (0, "audit: ")
    assert "no known hole" in said


@pytest.mark.parametrize("dependency", [("PyPI", "SQLAlchemy"), ("crates.io", "pyo3")])
def test_a_known_hole_fails(tree: Path, dependency: tuple[str, str]) -> None:
    with osv({dependency: "GHSA-1", ("PyPI", "nobody-has-this"): "GHSA-2"}) as service:
        status, said = audit(tree, service)
    assert status == 1
    assert f"{dependency[1]} " in said
    assert "https://osv.dev/GHSA-1" in said
    assert "GHSA-2" not in said


@pytest.mark.parametrize(
    ("entry", "status", "says"),
    [
        ('reason = "not called"\nuntil = 2999-01-01', 0, "1 exceptions"),
        ('reason = ""\nuntil = 2999-01-01', 2, "GHSA-1 has no reason"),
        ('reason = "not called"\nuntil = 2020-01-01', 2, "ended on 2020-01-01: look at it again"),
    ],
)
def test_an_exception_needs_a_reason_and_a_day(tree: Path, entry: str, status: int, says: str) -> None:
    (tree / "tools/advisories.toml").write_text(f'[[exception]]\nid = "GHSA-1"\n{entry}\n')
    with osv({("crates.io", "pyo3"): "GHSA-1"}) as service:
        found = audit(tree, service)
    assert found[0] == status
    assert says in found[1]


def test_nobody_to_ask_is_said_and_is_no_failure(tree: Path) -> None:
    status, said = audit(tree, f"http://{closed_port(socket.SOCK_STREAM)}")
    assert status == 0
    assert said.startswith("audit: NOT AUDITED: ")


def test_an_answer_about_less_than_was_asked_is_no_clean_bill(tree: Path) -> None:
    with osv({}, silent=True) as service:
        status, said = audit(tree, service)
    assert status == 0
    assert said.startswith("audit: NOT AUDITED: ")
