from pathlib import Path

import httpx
import pytest

from tests.unit.cli.conftest import CommandLine, RunningNode
from trunkline.cli.installation import Installation
from trunkline.errors import ConfigError
from trunkline.web.control_client import ControlClient


def test_no_settings_file_says_how_to_get_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("trunkline.cli.installation.CANDIDATES", (Path("trunkline.toml"),))
    with pytest.raises(ConfigError, match="trunkline init DIR"):
        _ = Installation(None).settings
    assert Installation(None).settings_or_none is None


def test_the_file_here_is_found(line: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(line.settings_file.parent)
    assert Installation(None).settings.service.domain == "sip.example.net"


def test_a_named_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="can't be read"):
        _ = Installation(tmp_path / "other.toml").settings_or_none


def test_changes_without_a_node_are_kept(line: CommandLine) -> None:
    line.run("account", "add", "--key", "trunk1")
    assert [account["key"] for account in line.json("account", "list")] == ["trunk1"]


def test_a_node_that_cant_be_told_hides_no_secret(line: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The account is there: without the answer its secret would be known to nobody."""

    def hangs(_: Installation) -> ControlClient:
        def stalled(request: httpx.Request) -> httpx.Response:
            raise httpx.ReadTimeout("timed out", request=request)

        return ControlClient(Path("control.sock"), transport=httpx.MockTransport(stalled))

    monkeypatch.setattr(Installation, "control", hangs)
    said = line.run("account", "add", "--key", "trunk1", "--secret", "s3cret-trunk1")
    assert "s3cret-trunk1" in said
    assert "timed out" in said


def test_a_running_node_knows_of_a_change_at_once(node: RunningNode) -> None:
    node.line.run("account", "add", "--key", "later")
    assert node.line.json("explain", "later", "9992000")["placed"] is True
    node.line.run("account", "block", "later")
    assert node.line.json("explain", "later", "9992000", status=1)["verdict"] == "account-blocked"
