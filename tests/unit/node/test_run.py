"""The process around a node: its signals and its log."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.node.ground import Installation
from trunkline.config import SettingsError
from trunkline.errors import NetError
from trunkline.node.run import run

ROOT = Path(__file__).resolve().parents[3]
PATIENCE_S = 20.0


class Process:
    """`run` in a process of its own, and what it logs. Calls are taken when this returns."""

    def __init__(self, directory: Path) -> None:
        self.settings = Installation.make(directory).settings
        self.file = directory / "trunkline.toml"
        self._read: list[dict[str, Any]] = []
        code = f"from pathlib import Path; from trunkline.node.run import run; run(Path({str(self.file)!r}))"
        self.process = subprocess.Popen(
            [sys.executable, "-c", code],
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
            text=True,
        )
        self.logged("started")

    def logged(self, event: str, count: int = 1) -> list[dict[str, Any]]:
        """The log's lines about `event`, once there are so many."""
        assert self.process.stderr is not None
        while len(found := [line for line in self._read if line["event"] == event]) < count:
            line = self.process.stderr.readline()
            assert line, f"it has ended: {self._read}"
            self._read.append(json.loads(line))
        return found

    def ended_by(self, number: signal.Signals) -> int:
        """Its exit status after that signal."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_S)


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Process]:
    node = Process(tmp_path)
    with node.process:
        yield node
        node.process.kill()


def test_sigterm_without_calls_ends_it_at_once(node: Process) -> None:
    assert node.ended_by(signal.SIGTERM) == 0
    assert node.logged("draining")[0]["calls"] == 0


def test_sighup_rereads_the_settings_and_a_mistake_in_them_changes_nothing(node: Process) -> None:
    def hang_up(event: str) -> None:
        node.process.send_signal(signal.SIGHUP)
        node.logged(event)

    hang_up("the settings are as they were")
    reread = [line["file"] for line in node._read if line["event"] == "certificate reread"]
    assert reread == [str(node.settings.certificate)]
    text = node.file.read_text()
    node.file.write_text(text.replace("# timeout_status = 486", "timeout_status = 480"))
    hang_up("setting changed")
    (line,) = node.logged("setting changed")
    assert (line["key"], line["old"], line["new"], line["effect"]) == (
        "forwarding.timeout_status",
        "486",
        "480",
        "now",
    )
    node.file.write_text(text + "\n[nonsense]\n")
    hang_up("the settings were not reread")
    assert "nonsense" in node.logged("the settings were not reread")[0]["reason"]
    assert node.ended_by(signal.SIGINT) == 0


def test_what_keeps_it_from_starting_is_said_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    settings = Installation.make(tmp_path, web__enabled=True, web__tls=True).settings
    settings.certificate.unlink()
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "src"))
    with pytest.raises(NetError, match=r"can't use tls\.certificate"):
        run(tmp_path / "trunkline.toml")
    assert capfd.readouterr().err == ""


def test_a_second_start_says_that_one_runs(node: Process) -> None:
    with pytest.raises(NetError, match="this installation runs already"):
        run(node.file)
    assert node.ended_by(signal.SIGTERM) == 0


def test_settings_that_are_wrong_stop_it_before_anything_is_opened(tmp_path: Path) -> None:
    file = tmp_path / "trunkline.toml"
    file.write_text("[sip]\nudq = []\n")
    with pytest.raises(SettingsError, match="udq"):
        run(file)
