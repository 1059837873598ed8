"""An installation for each test, the command line to it, and one running node for those that need one."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.interop.addresses import free_port
from tests.processes import readiness
from trunkline.cli.app import app
from trunkline.cli.init import set_up
from trunkline.errors import TrunklineError

DOMAIN = "sip.example.net"
PSTN_HOST = "127.0.0.3"
SOURCES = Path(__file__).resolve().parents[3] / "src"
ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if not name.startswith("TRUNKLINE_")},
    "PYTHONPATH": str(SOURCES),
}
"""For processes that run this tree."""


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings of whoever runs the tests don't count."""
    for name in os.environ:
        if name.startswith("TRUNKLINE_"):
            monkeypatch.delenv(name)


@dataclass(frozen=True)
class CommandLine:
    """`trunkline -c …` for one installation."""

    settings_file: Path

    def run(self, *args: object, status: int = 0) -> str:
        """Standard output and error of a command that ends with `status`."""
        result = CliRunner().invoke(app, ["-c", str(self.settings_file), *map(str, args)])
        if isinstance(result.exception, Exception):
            raise result.exception
        assert result.exit_code == status, result.output
        return result.output

    def json(self, *args: object, status: int = 0) -> Any:
        """What it prints with `--json`."""
        return json.loads(self.run(*args, "--json", status=status))

    def error(self, *args: object) -> str:
        """The one line that it fails with."""
        with pytest.raises(TrunklineError) as caught:
            self.run(*args)
        return str(caught.value)


@pytest.fixture(scope="session")
def empty_installation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new installation, copied for each test: making one takes longer."""
    home = tmp_path_factory.mktemp("empty")
    set_up(home, {"service.domain": DOMAIN, "node.data_dir": str(home)})
    return home


@pytest.fixture
def line(empty_installation: Path, tmp_path: Path) -> CommandLine:
    """The command line to a new installation of the test's own."""
    home = tmp_path / "installation"
    shutil.copytree(empty_installation, home)
    settings_file = home / "trunkline.toml"
    text = settings_file.read_text().replace(str(empty_installation), str(home))
    settings_file.write_text(text)
    return CommandLine(settings_file)


@dataclass(frozen=True)
class RunningNode:
    """A node with the simulated carrier, and the account `trunk1` with `s3cret-trunk1`."""

    line: CommandLine
    sip: str
    pstn: str
    process: "subprocess.Popen[Any]"


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningNode]:
    """One for the module's tests. Its process ends with them."""
    home = tmp_path_factory.mktemp("node")
    sip, pstn = f"127.0.0.1:{free_port()}", f"{PSTN_HOST}:{free_port(PSTN_HOST)}"
    values: dict[str, object] = {
        "service.domain": DOMAIN,
        "node.data_dir": str(home),
        "node.name": "n1",
        "sip.udp": [sip],
        "sip.tcp": [sip],
        "sip.tls": [],
        "media.bind_address": "127.0.0.1",
        "media.allow_loopback": True,
        "http.bind": f"127.0.0.1:{free_port()}",
        "web.enabled": False,
        "log.level": "warning",
        "limits.overload_lag_ms": 5000.0,
        "pstn.enabled": True,
        "pstn.bind": pstn,
    }
    set_up(home, values)
    line = CommandLine(home / "trunkline.toml")
    line.run("account", "add", "--key", "trunk1", "--secret", "s3cret-trunk1")
    line.run("carrier", "add", "simulated", "--gateway", f"sip:{pstn}")
    line.run("route", "add", "999", "--carrier", "simulated")
    with readiness(home) as ready:
        process = subprocess.Popen(
            [sys.executable, "-m", "trunkline.cli", "-c", str(line.settings_file), "serve"],
            env=ENVIRONMENT | ready.environment,
        )
        ready.wait(process)
    try:
        yield RunningNode(line, sip, pstn, process)
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(60)
        finally:
            process.kill()
            process.wait()
