"""Database, key file and data directory."""

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.interop.addresses import free_port
from tests.postgres import Cluster
from tests.unit.cli.conftest import DOMAIN, CommandLine
from tests.unit.cli.doctoring import findings, quiet
from tests.unit.cli.test_nodes import store_of
from tests.unit.store.test_nodes import FACTS, aged
from trunkline.cli.init import set_up
from trunkline.store.keys import Keyring


def test_an_account_of_another_domain_is_a_fault(line: CommandLine) -> None:
    line.run("account", "add", "--key", "trunk1")
    quiet(line, f"127.0.0.1:{free_port()}")
    line.settings_file.write_text(
        line.settings_file.read_text().replace("sip.example.net", "new.example.net")
    )
    state, _, remedy = findings(line, 1)["account trunk1"]
    assert state == "fault"
    assert remedy == "trunkline account rotate-secret trunk1"


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


def test_what_the_database_holds_is_counted(line: CommandLine) -> None:
    line.run("account", "add", "--key", "acme")
    quiet(line, f"127.0.0.1:{free_port()}")
    state, found, _ = findings(line, 0)["database"]
    assert (state, found) == ("fine", "1 account, 0 carriers")


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
    state, found, remedy = findings(line, 1)[about]
    assert (state, found) == ("fault", "50 MB are free")
    assert "keeps its size" in remedy, "what is deleted from SQLite makes room within the file alone"
    monkeypatch.setattr(os, "access", lambda _, mode: mode == os.R_OK)
    state, found, remedy = findings(line, 1)[about]
    assert (state, found) == ("fault", "this user can't write into it")
    assert "chown" in remedy


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
