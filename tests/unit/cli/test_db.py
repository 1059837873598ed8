from collections.abc import Iterator

import pytest

from tests.postgres import Cluster
from tests.unit.cli.conftest import CommandLine, RunningNode


@pytest.fixture
def url(cluster: Cluster) -> Iterator[str]:
    """An empty PostgreSQL database."""
    yield cluster.create("moved")
    cluster.drop("moved")


def test_an_installation_moves_and_goes_on_there(line: CommandLine, url: str) -> None:
    line.run("account", "add", "--key", "trunk1")
    said = line.run("db", "move", url)
    assert "account                      1 of 1" in said
    assert f'[database]\nurl = "{url}"' in said
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
