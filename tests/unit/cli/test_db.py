from collections.abc import Iterator

import pytest

from tests.postgres import Cluster
from tests.unit.cli.conftest import CommandLine, RunningNode
from tests.unit.cli.test_nodes import store_of
from tests.unit.store.test_nodes import FACTS, aged
from trunkline.config import Settings
from trunkline.store.nodes import Nodes
from trunkline.store.store import Store


@pytest.fixture
def url(cluster: Cluster) -> Iterator[str]:
    """An empty PostgreSQL database."""
    yield cluster.create("moved")
    cluster.drop("moved")


def test_an_installation_moves_and_goes_on_there(line: CommandLine, url: str) -> None:
    line.run("account", "add", "--key", "trunk1")
    said = line.run("db", "move", url)
    assert "account                      1 of 1" in said
    assert f'[database] of {line.settings_file}, and start the node:\n\nurl = "{url}"' in said
    text = line.settings_file.read_text()
    line.settings_file.write_text(text.replace("[database]\n", f'[database]\nurl = "{url}"\n'))
    line.run("account", "add", "--key", "trunk2")
    assert [account["key"] for account in line.json("account", "list")] == ["trunk1", "trunk2"]
    line.settings_file.write_text(text)
    assert [account["key"] for account in line.json("account", "list")] == ["trunk1"]


def test_a_database_that_holds_something_is_left_alone(line: CommandLine, url: str) -> None:
    line.run("db", "move", url)
    assert "move into an empty database" in line.error("db", "move", url)


def test_a_running_node_has_to_stop_first(node: RunningNode) -> None:
    assert "trunkline drain --wait" in node.line.error("db", "move", "postgresql+psycopg://nobody@h/d")


def test_a_lost_key_file_is_made_anew_and_what_it_sealed_is_named(line: CommandLine) -> None:
    line.run("carrier", "add", "open", "--gateway", "sip:192.0.2.10")
    line.run("carrier", "add", "up", "--gateway", "sip:192.0.2.11", "--user", "us", "--secret", "them-1234")
    line.run("account", "add", "--key", "trunk1")
    hook = line.json("webhook", "add", "https://example.com/", "--account", "trunk1")["id"]
    key = line.settings_file.parent / "secret.key"
    assert "is kept" in line.error("db", "new-key")
    database = store_of(line).database
    Nodes(database).enter(FACTS)
    key.unlink()
    assert "n1 runs on this database and has its key" in line.error("db", "new-key")
    aged(database, "n1", 3600)
    database.close()
    said = line.run("db", "new-key")
    assert "trunkline carrier set up --user US --secret PW" in said
    assert f"trunkline webhook rotate-secret {hook}" in said
    assert "carrier set open" not in said
    settings = Settings.load(line.settings_file)
    store = Store.open(settings.database_url, settings.key_file, settings.service.domain)
    store.check_key()
    store.close()
    line.run("carrier", "set", "up", "--user", "us", "--secret", "them-1234")
    line.run("webhook", "rotate-secret", hook)


def test_a_running_node_keeps_its_key(node: RunningNode) -> None:
    assert "trunkline drain --wait" in node.line.error("db", "new-key")
