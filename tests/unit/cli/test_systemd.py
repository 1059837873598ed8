"""The unit: what it lets the service do, and what systemd itself says of it where it is installed."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.unit.cli.conftest import CommandLine
from trunkline.cli.systemd import owner, unit
from trunkline.config import Settings
from trunkline.errors import ConfigError

PATH = Path("/var/lib/trunkline/trunkline.toml")


def lines(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line and line[0] not in "#[")


def test_it_runs_without_privileges() -> None:
    text = unit(Settings.parse(""), PATH, "trunkline")
    got = lines(text)
    assert got["User"] == "trunkline"
    assert (got["CapabilityBoundingSet"], got["AmbientCapabilities"]) == ("", "")
    assert got["ReadWritePaths"] == "/var/lib/trunkline"
    assert got["ExecStart"].endswith(f"--config {PATH} serve")
    assert got["TimeoutStopSec"] == "3700", "longer than drain.timeout_s"


def test_it_is_tried_again_until_what_comes_late_is_there() -> None:
    got = lines(unit(Settings.parse(""), PATH, "trunkline"))
    assert got["Restart"] == "on-failure"
    burst, interval_s = 5, 10
    assert float(got["RestartSec"]) * burst > interval_s, "else systemd gives up for good"


def test_a_port_below_1024_gives_that_capability_alone() -> None:
    got = lines(unit(Settings.parse('[http]\nbind = "127.0.0.1:80"\n'), PATH, "trunkline"))
    assert got["CapabilityBoundingSet"] == got["AmbientCapabilities"] == "CAP_NET_BIND_SERVICE"


@pytest.mark.parametrize(
    ("web", "capability"), [("", "CAP_NET_BIND_SERVICE"), ("enabled = false\n", "")], ids=["on", "off"]
)
def test_so_does_the_port_of_the_dashboard(web: str, capability: str) -> None:
    settings = Settings.parse(f'[web]\nbind = "0.0.0.0:443"\ntls = true\n{web}')
    assert lines(unit(settings, PATH, "trunkline"))["CapabilityBoundingSet"] == capability


def test_what_is_kept_elsewhere_can_be_written() -> None:
    text = (
        '[http]\ncontrol_socket = "/run/trunkline/control.sock"\n[database]\nurl = "sqlite:////srv/db/t.db"\n'
    )
    got = lines(unit(Settings.parse(text), PATH, "trunkline"))
    assert got["ReadWritePaths"] == "/var/lib/trunkline /srv/db"
    assert got["RuntimeDirectory"] == "trunkline"
    inside = '[http]\ncontrol_socket = "/srv/sock/control.sock"\n'
    got = lines(unit(Settings.parse(inside), PATH, "trunkline"))
    assert (got["ReadWritePaths"], "RuntimeDirectory" in got) == ("/var/lib/trunkline /srv/sock", False)


def test_root_is_refused() -> None:
    with pytest.raises(ConfigError, match="useradd --system trunkline"):
        unit(Settings.parse(""), PATH, "root")


def test_a_path_that_a_unit_can_not_hold_is_refused() -> None:
    with pytest.raises(ConfigError, match="can't stand in a unit"):
        unit(Settings.parse(""), Path("/var/lib/my trunk/trunkline.toml"), "trunkline")


def test_a_home_is_readable_only_when_it_is_needed() -> None:
    assert (
        lines(unit(Settings.parse(""), Path("/home/ann/trunkline.toml"), "ann"))["ProtectHome"] == "read-only"
    )


def test_the_command(line: CommandLine) -> None:
    assert "User=nobody\n" in line.run("systemd", "--user", "nobody")


def test_owner(tmp_path: Path) -> None:
    assert owner(tmp_path)


def test_systemd_finds_nothing_wrong_with_it(tmp_path: Path) -> None:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is not installed")
    file = tmp_path / "trunkline.service"
    text = unit(Settings.parse(""), PATH, "daemon")
    start = next(line for line in text.splitlines() if line.startswith("ExecStart="))
    file.write_text(text.replace(start, "ExecStart=/bin/true"))
    done = subprocess.run([program, "verify", str(file)], capture_output=True, text=True, check=False)
    assert "trunkline.service" not in done.stderr, done.stderr
