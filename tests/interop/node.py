"""A Trunkline node as its operator runs it: `trunkline init`, the settings file, `trunkline serve` in a
process of its own, the command line for everything else.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.interop.addresses import free_port, media_ports, wait_for

ROOT = Path(__file__).resolve().parents[2]
DOMAIN = "trunk.test"
HOST = "127.0.0.1"
KEY, SECRET = "7c9e2f10", "m4ryH4dALittleL4mb"
"""The account that every node here has."""


def _environment() -> dict[str, str]:
    path = os.pathsep.join(filter(None, [str(ROOT / "src"), os.environ.get("PYTHONPATH")]))
    return {**os.environ, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1"}


class CommandError(Exception):
    """A `trunkline` command that failed."""


class Node:
    """One installation in `directory`, and its process. Ports are free ones, UDP and TCP share a number.

    Its data are in an SQLite file, or in the PostgreSQL `database` at this URL; or it shares those, and the
    key, of the node that it stands `beside`.
    """

    def __init__(
        self,
        directory: Path,
        settings: Mapping[str, object] | None = None,
        *,
        host: str = HOST,
        database: str | None = None,
        beside: "Node | None" = None,
    ) -> None:
        self._beside = beside
        self._database = database if beside is None else beside.database
        self.directory = directory
        self.host = host
        self.settings_file = directory / "trunkline.toml"
        self.port = free_port(host)
        self.tls_port = free_port(host)
        self.port_ipv6 = free_port("::1")
        self.http_port = free_port(host)
        self.media_ports = media_ports()
        """The first and the last."""
        self.process: subprocess.Popen[bytes] | None = None
        self._commands: subprocess.Popen[str] | None = None
        self._log = directory.parent / f"{directory.name}.log"
        self._log_start = 0
        self._wanted = dict(settings or {})

    @property
    def database(self) -> str:
        """The URL of its database."""
        return self._database or f"sqlite:///{self.directory / 'trunkline.db'}"

    # -- the installation --------------------------------------------------------------------------

    def init(self) -> None:
        """Make the installation, set it to loopback addresses, add the account."""
        elsewhere = [] if self._database is None else ["--database", self._database]
        if self._beside is not None:
            self.directory.mkdir()
            shutil.copy(self._beside.directory / "secret.key", self.directory)
        self._command("init", str(self.directory), "--domain", DOMAIN, *elsewhere)
        first, last = self.media_ports
        self.set(
            {
                "node.name": "sip-test1",
                "sip.udp": [f"{self.host}:{self.port}", f"[::1]:{self.port_ipv6}"],
                "sip.tcp": [f"{self.host}:{self.port}", f"[::1]:{self.port_ipv6}"],
                "sip.tls": [f"{self.host}:{self.tls_port}"],
                "media.bind_address": self.host,
                "media.bind_address_ipv6": "::1",
                "media.port_min": first,
                "media.port_max": last,
                "media.drain_s": 0.2,
                "media.allow_loopback": True,
                "http.bind": f"{self.host}:{self.http_port}",
                "web.enabled": False,
                "forwarding.health_failures": 100,
                "forwarding.health_window": 100,
                "forwarding.pings": False,
                **self._wanted,
            }
        )
        if self._beside is None:
            self.command("account", "add", "--key", KEY, "--secret", SECRET)

    def set(self, values: Mapping[str, object]) -> None:
        """Set `section.key` in the settings file, as a person with an editor would."""
        text = self.settings_file.read_text()
        for name, value in values.items():
            section, _, key = name.partition(".")
            start = text.index(f"\n[{section}]\n")
            end = text.find("\n[", start + 2)
            end = len(text) if end < 0 else end
            lines = text[start:end].splitlines()
            starts = (f"{key} =", f"# {key} =")
            place = next((i for i, line in enumerate(lines) if line.startswith(starts)), None)
            assert place is not None, f"{name} is not in the settings file"
            lines[place] = f"{key} = {json.dumps(value)}"
            changed = "\n".join(lines)
            if text[start:end].endswith("\n"):
                changed += "\n"
            text = text[:start] + changed + text[end:]
        self.settings_file.write_text(text)

    def run(self, *arguments: str) -> str:
        """A command for this installation in a process of its own; what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "trunkline.cli", "--config", str(self.settings_file), *arguments],
            env=_environment(),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, f"trunkline {' '.join(arguments)}: {done.stderr}{done.stdout}"
        return done.stdout

    def command(self, *arguments: str) -> Any:
        """A command with `--json`; what it printed. Raises `CommandError`."""
        return json.loads(self._command("--config", str(self.settings_file), *arguments, "--json"))

    def _command(self, *arguments: str) -> str:
        answer = self._answer(*arguments)
        if answer["status"]:
            raise CommandError(f"trunkline {' '.join(arguments)}: {answer['complaint'] or answer['printed']}")
        return str(answer["printed"])

    def _answer(self, *arguments: str) -> dict[str, Any]:
        commands = self._commands
        if commands is None:
            commands = self._commands = subprocess.Popen(
                [sys.executable, str(ROOT / "tests/interop/command_loop.py")],
                env=_environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        assert commands.stdin is not None
        assert commands.stdout is not None
        commands.stdin.write(json.dumps(arguments) + "\n")
        commands.stdin.flush()
        answer: dict[str, Any] = json.loads(commands.stdout.readline())
        return answer

    # -- the process -------------------------------------------------------------------------------

    def start(self, environment: Mapping[str, str] | None = None) -> None:
        """`trunkline serve`, with more in its environment; returns when /readyz says so."""
        with self._log.open("ab") as log:
            self._log_start = log.tell()
            self.process = subprocess.Popen(
                [sys.executable, "-m", "trunkline.cli", "--config", str(self.settings_file), "serve"],
                env={**_environment(), **(environment or {})},
                stdout=log,
                stderr=log,
            )
        wait_for("/readyz", self._is_ready, within_s=90, every_s=0.05)

    def _is_ready(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, f"the node is gone:\n{self._log.read_text()}"
        try:
            with urllib.request.urlopen(f"http://{self.host}:{self.http_port}/readyz", timeout=30) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self.process is not None
        self.process.send_signal(number)

    def wait(self, within_s: float = 60.0) -> int:
        """Wait for the process to end; its exit status."""
        assert self.process is not None
        status = self.process.wait(within_s)
        self.process = None
        return status

    def stop(self) -> None:
        """Ask it to stop, and make sure that nothing went wrong in its life."""
        if self.process is not None:
            wait_for("no dialog to be left", lambda: self.gauge("dialogs") == 0)
            assert self.gauge("active_calls") == 0
            self.signal(signal.SIGTERM)
            assert self.wait() == 0
        self.assert_clean_log()

    def kill(self) -> None:
        """End the process, if there is one, at once."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.process = None

    def close(self) -> None:
        """Leave no process behind, whatever happened."""
        self.kill()
        if self._commands is not None:
            assert self._commands.stdin is not None
            assert self._commands.stdout is not None
            self._commands.stdin.close()
            self._commands.wait()
            self._commands.stdout.close()

    # -- what it says ------------------------------------------------------------------------------

    def log(self) -> list[dict[str, Any]]:
        """The log since the last start: every line of it is JSON, and whole."""
        whole, _, _ = self._log.read_bytes()[self._log_start :].rpartition(b"\n")
        return [json.loads(line) for line in whole.decode().splitlines()]

    def logged(self, event: str) -> list[dict[str, Any]]:
        """The log's lines about `event`."""
        return [line for line in self.log() if line["event"] == event]

    def assert_clean_log(self) -> None:
        """No error was logged."""
        errors = [line for line in self.log() if line["level"] in ("error", "critical")]
        assert not errors, json.dumps(errors, indent=2)

    def processor_s(self) -> float:
        """Seconds of processor time that its process has taken, whatever else the machine does."""
        assert self.process is not None
        tasks = Path(f"/proc/{self.process.pid}/task")
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks.iterdir()) / 1e9

    def gauge(self, name: str) -> float:
        """A number of /metrics; its labels, where it has some, belong to the name."""
        with urllib.request.urlopen(f"http://{self.host}:{self.http_port}/metrics", timeout=30) as answer:
            text = answer.read().decode()
        found = re.search(rf"(?m)^trunkline_{re.escape(name)} (\S+)$", text)
        assert found is not None, text
        return float(found[1])

    def findings(self, key: str) -> dict[str, dict[str, str]]:
        """What `pbx check` says of the PBX of account `key`, by name; its exit status is looked at."""
        arguments = ("--config", str(self.settings_file), "pbx", "check", "--account", key, "--json")
        answer = self._answer(*arguments)
        found = {one["name"]: one for one in json.loads(answer["printed"])}
        assert answer["status"] == any(one["state"] == "bad" for one in found.values())
        return found

    # -- the records -------------------------------------------------------------------------------

    def record(self, sip_call_id: str) -> dict[str, Any]:
        """The closed record of the call that came with this Call-ID; its attempts are `attempt_records`."""
        return wait_for(f"the record of {sip_call_id}", lambda: self._closed_record(sip_call_id), every_s=0.1)

    def open_calls(self) -> list[str]:
        """The calls whose records are open, the newest first: a record begins and ends a moment after its
        call.
        """
        return [row["call_id"] for row in self.command("calls") if row["verdict"] == "open"]

    def closed(self, call_id: str) -> dict[str, Any] | None:
        """The record of this call, once it is closed."""
        card: dict[str, Any] = self.command("calls", call_id)
        return card if card["state"] != "open" else None

    def _closed_record(self, sip_call_id: str) -> dict[str, Any] | None:
        for row in self.command("calls", "--limit", "20"):
            card: dict[str, Any] = self.command("calls", row["call_id"])
            if card["sip_call_id"] == sip_call_id:
                return card if card["state"] != "open" else None
        return None


@contextmanager
def running_node(
    directory: Path,
    settings: Mapping[str, object] | None = None,
    *,
    database: str | None = None,
    beside: Node | None = None,
) -> Iterator[Node]:
    """A node that has an account and is up; stopped, and its log looked through, at the end."""
    node = Node(directory, settings, database=database, beside=beside)
    try:
        node.init()
        node.start()
        yield node
        node.stop()
    finally:
        node.close()
