import os
import re
import shutil
import socket
import sqlite3
import wave
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.interop.addresses import free_port
from tests.postgres import Cluster
from tests.unit.cli.conftest import DOMAIN, CommandLine, RunningNode
from tests.unit.cli.test_nodes import store_of
from tests.unit.store.test_nodes import FACTS, aged
from trunkline.cli import doctor
from trunkline.cli.init import set_up
from trunkline.store.keys import Keyring


def quiet(line: CommandLine, sip: str, advertised: str = "203.0.113.5", web: str | None = None) -> None:
    """Settings that leave the machine's own ports alone."""
    text = line.settings_file.read_text()
    sip_section = f'[sip]\nudp = ["{sip}"]\ntcp = []\ntls = ["127.0.0.1:{free_port()}"]\n'
    text = text.replace("[sip]\n", f'{sip_section}advertised_host = "{advertised}"\n')
    text = text.replace("[http]\n", f'[http]\nbind = "127.0.0.1:{free_port()}"\n')
    web = web or f"127.0.0.1:{free_port()}"
    text = text.replace("[web]\n", f'[web]\nbind = "{web}"\n')
    text = text.replace("[dns]\n", '[dns]\nnameservers = ["127.0.0.1"]\nport = 1\ntimeout_s = 0.5\n')
    line.settings_file.write_text(text)


def findings(line: CommandLine, status: int) -> dict[str, tuple[str, str, str]]:
    return {
        row["about"]: (row["state"], row["found"], row["remedy"])
        for row in line.json("doctor", status=status)
    }


def test_a_port_that_is_taken_is_a_fault(line: CommandLine) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        sip = f"127.0.0.1:{taken.getsockname()[1]}"
        quiet(line, sip)
        state, found, remedy = findings(line, 1)[f"port UDP {sip}"]
    assert state == "fault"
    assert "Address already in use" in found
    assert "ss -lnup" in remedy


def test_every_port_that_serve_binds_is_looked_at(line: CommandLine) -> None:
    pstn = f"127.0.0.1:{free_port()}"
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        web = f"127.0.0.1:{taken.getsockname()[1]}"
        quiet(line, f"127.0.0.1:{free_port()}", web=web)
        text = line.settings_file.read_text()
        text = text.replace("[pstn]\n", f'[pstn]\nenabled = true\nbind = "{pstn}"\n')
        line.settings_file.write_text(text)
        found = findings(line, 1)
        assert found[f"port HTTP {web}"][0] == "fault"
        assert found[f"port UDP {pstn}"][0] == "fine"
        line.settings_file.write_text(text.replace("[web]\n", "[web]\nenabled = false\n"))
        assert f"port HTTP {web}" not in findings(line, 0)


def test_a_control_socket_that_cant_be_opened_is_a_fault_among_others(line: CommandLine) -> None:
    quiet(line, f"127.0.0.1:{free_port()}")
    socket_file = f"/tmp/{'x' * 120}.sock"
    text = line.settings_file.read_text()
    line.settings_file.write_text(text.replace("[http]\n", f'[http]\ncontrol_socket = "{socket_file}"\n'))
    found = findings(line, 1)
    state, said, remedy = found["control socket"]
    assert state == "fault"
    assert said.endswith("can't be opened: AF_UNIX path too long")
    assert "http.control_socket" in remedy
    assert found["media"][0] == "fine"


@pytest.mark.parametrize(("days", "state"), [(1, "fault"), (0, "fine")])
def test_a_certificate_is_for_the_dashboard_too_and_not_valid_before_its_time(
    line: CommandLine, monkeypatch: pytest.MonkeyPatch, days: int, state: str
) -> None:
    quiet(line, f"127.0.0.1:{free_port()}")
    text = re.sub(r"^tls = \[.*\]$", "tls = []", line.settings_file.read_text(), flags=re.MULTILINE)
    line.settings_file.write_text(text.replace("[web]\n", "[web]\ntls = true\n"))
    monkeypatch.setattr(doctor, "_now", lambda: datetime.now(UTC) - timedelta(days=days))
    found = [row for row in line.json("doctor", status=days) if row["about"] == "certificate"]
    assert found[0]["state"] == state
    assert found[0]["found"].startswith("not valid before" if days else "valid for")


def test_a_private_address_is_a_warning_with_its_remedy(line: CommandLine) -> None:
    quiet(line, f"127.0.0.1:{free_port()}", advertised="192.168.1.9")
    state, _, remedy = findings(line, 0)["advertised address 192.168.1.9"]
    assert state == "warning"
    assert "sip.advertised_host" in remedy


def test_an_account_of_another_domain_is_a_fault(line: CommandLine) -> None:
    line.run("account", "add", "--key", "trunk1")
    quiet(line, f"127.0.0.1:{free_port()}")
    line.settings_file.write_text(
        line.settings_file.read_text().replace("sip.example.net", "new.example.net")
    )
    state, _, remedy = findings(line, 1)["account trunk1"]
    assert state == "fault"
    assert remedy == "trunkline account rotate-secret trunk1"


def test_a_certificate_that_is_missing_is_a_fault(line: CommandLine) -> None:
    quiet(line, f"127.0.0.1:{free_port()}")
    (line.settings_file.parent / "tls-certificate.pem").unlink()
    assert findings(line, 1)["certificate"][0] == "fault"


@pytest.mark.parametrize(
    ("spoil", "about", "remedy"),
    [
        ("UPDATE alembic_version SET version_num = '0001'", "database", "trunkline migrate upgrades it"),
        ("no database", "database", "restore it from a backup"),
        ("", "database", "restore it from a backup"),
        ("0644", "key file", "chmod 600"),
        ("no key", "key file", "restore it from a backup"),
        (None, "key file", "restore it from a backup"),
    ],
)
def test_the_remedy_for_data_at_rest_is_that_of_the_fault(
    line: CommandLine, spoil: str | None, about: str, remedy: str
) -> None:
    quiet(line, f"127.0.0.1:{free_port()}")
    database, key = (line.settings_file.parent / name for name in ("trunkline.db", "secret.key"))
    match spoil:
        case None:
            key.unlink()
        case "no key":
            key.write_text("no key")
        case "0644":
            key.chmod(0o644)
        case "" | "no database":
            database.write_text(spoil)
        case _:
            with closing(sqlite3.connect(database)) as connection, connection:
                connection.execute(spoil)
    state, _, said = findings(line, 1)[about]
    assert state == "fault"
    assert remedy in said


def test_a_database_that_can_only_be_read_is_a_fault(line: CommandLine) -> None:
    quiet(line, f"127.0.0.1:{free_port()}")
    url = f"sqlite:///file:{line.settings_file.parent}/trunkline.db?mode=ro&uri=true"
    text = line.settings_file.read_text()
    line.settings_file.write_text(text.replace("[database]\n", f'[database]\nurl = "{url}"\n'))
    state, found, remedy = findings(line, 1)["database"]
    assert state == "fault"
    assert "readonly" in found
    assert "may this user read and write it" in remedy


def test_a_database_that_others_can_read_is_a_warning(line: CommandLine) -> None:
    quiet(line, f"127.0.0.1:{free_port()}")
    home = line.settings_file.parent
    (home / "trunkline.db").chmod(0o644)
    home.chmod(0o700)
    assert "database file" not in findings(line, 0)
    home.chmod(0o755)
    state, found, remedy = findings(line, 0)["database file"]
    assert (state, found) == ("warning", "can be read by others")
    assert remedy == f"chmod 600 {home}/trunkline.db*"


def test_a_data_directory_that_cant_be_written_or_is_full_is_a_fault(
    line: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    quiet(line, f"127.0.0.1:{free_port()}")
    about = f"data directory {line.settings_file.parent}"
    assert findings(line, 0)[about][0] == "fine"
    usage = shutil.disk_usage(line.settings_file.parent)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=50_000_000))
    assert findings(line, 1)[about][:2] == ("fault", "50 MB are free")
    monkeypatch.setattr(os, "access", lambda _, mode: mode == os.R_OK)
    state, found, remedy = findings(line, 1)[about]
    assert (state, found) == ("fault", "this user can't write into it")
    assert "chown" in remedy


def test_every_finding_that_is_not_fine_has_a_remedy(line: CommandLine) -> None:
    quiet(line, f"127.0.0.1:{free_port()}")
    for about, (state, _, remedy) in findings(line, 0).items():
        assert state == "fine" or remedy, about


def test_a_running_node_is_not_in_its_own_way(node: RunningNode) -> None:
    assert "a node is running" in node.line.run("doctor")


def test_an_rtpengine_that_is_away_is_a_fault(line: CommandLine) -> None:
    quiet(line, f"127.0.0.1:{free_port()}")
    name = f"udp:127.0.0.1:{free_port()}"
    text = line.settings_file.read_text()
    media = f'[media]\nengine = "rtpengine"\nrtpengine = ["{name}"]\n'
    line.settings_file.write_text(text.replace("[media]\n", media))
    state, found, remedy = findings(line, 1)[f"rtpengine {name}"]
    assert state == "fault"
    assert "nobody is there" in found
    assert remedy


def test_a_live_state_that_is_away_is_a_fault(line: CommandLine) -> None:
    quiet(line, f"127.0.0.1:{free_port()}")
    port = free_port()
    text = line.settings_file.read_text()
    url = f"valkey://:geheim@127.0.0.1:{port}/0"
    line.settings_file.write_text(text.replace("[live]\n", f'[live]\nurl = "{url}"\n'))
    state, found, remedy = findings(line, 1)[f"live state valkey://127.0.0.1:{port}/0"]
    assert state == "fault"
    assert "geheim" not in found
    assert "live.url" in remedy


def test_recordings_that_would_never_be_played_are_named(line: CommandLine, tmp_path: Path) -> None:
    folder = tmp_path / "recordings"
    folder.mkdir()
    for name, rate in (("busy", 8000), ("no-route", 16000), ("nonsense", 8000)):
        with wave.open(str(folder / f"{name}.wav"), "wb") as recording:
            recording.setparams((1, 2, rate, 0, "NONE", ""))
            recording.writeframes(bytes(320))
    (folder / "declined.wav").write_bytes(b"RIFF")
    quiet(line, f"127.0.0.1:{free_port()}")
    text = line.settings_file.read_text()
    line.settings_file.write_text(text.replace("[media]\n", f'[media]\nannouncements = "{folder}"\n'))
    found = findings(line, 0)
    assert found["announcements"][:2] == ("fine", f"3 recordings in {folder}")
    assert {name for name in found if name.startswith("announcement ")} == {
        "announcement no-route.wav",
        "announcement nonsense.wav",
        "announcement declined.wav",
    }
    assert "never played" in found["announcement nonsense.wav"][1]


def test_a_folder_of_recordings_that_is_not_there_is_a_fault(line: CommandLine, tmp_path: Path) -> None:
    quiet(line, f"127.0.0.1:{free_port()}")
    text = line.settings_file.read_text()
    line.settings_file.write_text(
        text.replace("[media]\n", f'[media]\nannouncements = "{tmp_path / "none"}"\n')
    )
    assert findings(line, 1)["announcements"][0] == "fault"


def test_the_server_of_a_database_is_looked_at(cluster: Cluster, tmp_path: Path) -> None:
    url = cluster.create("doctor")
    set_up(tmp_path, {"service.domain": DOMAIN, "node.data_dir": str(tmp_path), "database.url": url})
    line = CommandLine(tmp_path / "trunkline.toml")
    quiet(line, f"127.0.0.1:{free_port()}")
    state, found, _ = findings(line, 0)["database server"]
    assert state == "fine"
    assert found.startswith("PostgreSQL ")
    (tmp_path / "secret.key").unlink()
    Keyring.create(tmp_path / "secret.key")
    assert findings(line, 1)["key file"][0] == "fault"
    cluster.drop("doctor")
    state, found, _ = findings(line, 1)["database"]
    assert state == "fault"
    assert "does not exist" in found


def test_what_is_wrong_with_other_nodes_is_said(line: CommandLine) -> None:
    quiet(line, f"127.0.0.1:{free_port()}")
    store = store_of(line)
    store.nodes.enter(FACTS)
    aged(store.database, "n1", 3600)
    store.close()
    state, found, remedy = findings(line, 0)["node n1"]
    assert (state, remedy) == ("warning", "See docs/edges.md.")
    assert found.startswith("Node n1 is lost")
