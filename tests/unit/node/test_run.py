"""The process around a node: its signals and its log."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.node.ground import Installation
from trunkline.config import SettingsError
from trunkline.node.run import run

ROOT = Path(__file__).resolve().parents[3]
PATIENCE_S = 20.0


class Process:
    """`run` in a process of its own, its log in a file."""

    def __init__(self, directory: Path) -> None:
        self.settings = Installation.make(directory).settings
        self.file = directory / "trunkline.toml"
        self._log = directory / "log"
        code = f"from pathlib import Path; from trunkline.node.run import run; run(Path({str(self.file)!r}))"
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", code],
                stderr=log,
                env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
            )
        self.until(self._ready)

    def _ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://{self.settings.http.bind}/readyz", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def until(self, condition: Any) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            assert self.process.poll() is None, self._log.read_text()
            assert time.monotonic() < deadline, self._log.read_text()
            time.sleep(0.02)

    def logged(self, event: str) -> list[dict[str, Any]]:
        """The log's lines about `event`."""
        lines = [
            json.loads(line) for line in self._log.read_text().splitlines(keepends=True) if line[-1] == "\n"
        ]
        return [line for line in lines if line["event"] == event]

    def ended_by(self, number: signal.Signals) -> int:
        """Its exit status after that signal."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_S)


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Process]:
    process = Process(tmp_path)
    yield process
    if process.process.poll() is None:
        process.process.kill()
        process.process.wait()


def test_sigterm_without_calls_ends_it_at_once(node: Process) -> None:
    node.until(lambda: node.logged("started"))
    assert node.ended_by(signal.SIGTERM) == 0
    assert node.logged("draining")[0]["calls"] == 0


def test_sighup_rereads_the_settings_and_a_mistake_in_them_changes_nothing(node: Process) -> None:
    def hang_up(event: str, count: int = 1) -> None:
        node.process.send_signal(signal.SIGHUP)
        node.until(lambda: len(node.logged(event)) == count)

    hang_up("the settings are as they were")
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


def test_settings_that_are_wrong_stop_it_before_anything_is_opened(tmp_path: Path) -> None:
    file = tmp_path / "trunkline.toml"
    file.write_text("[sip]\nudq = []\n")
    with pytest.raises(SettingsError, match="udq"):
        run(file)
