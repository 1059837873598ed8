"""A zone file that follows the edges."""

import re
import sys
from pathlib import Path

import pytest

from trunkline.cli.zone_keeper import AGAIN_S, ZoneKeeper
from trunkline.config import Settings
from trunkline.config.edges import PublishedEdge
from trunkline.config.zone import Server
from trunkline.errors import ConfigError, StoreError

SETTINGS = Settings.parse('[zone]\nname_servers = ["ns1.example.org"]\n')
ONE = PublishedEdge("one", "us", ("203.0.113.1",), {"udp": 5060})
OTHER = PublishedEdge("other", "us", ("203.0.113.2",), {"udp": 5060})


class Kept:
    """A keeper whose command writes one x for each time it is run; it fails while `broken` is there."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "sip.zone"
        self.ran = folder / "ran"
        self.broken = folder / "broken"
        self.now = 0.0
        script = folder / "hook.py"
        script.write_text(
            f"import pathlib, sys\nif pathlib.Path({str(self.broken)!r}).exists(): sys.exit('no  server')\n"
            f"open({str(self.ran)!r}, 'a').write('x')\n"
        )
        self.keeper = ZoneKeeper(
            SETTINGS,
            Server.BIND,
            self.file,
            f"{sys.executable} '{script}'",
            wall=lambda: 1000.0 + self.now,
            monotonic=lambda: self.now,
        )

    @property
    def runs(self) -> int:
        return len(self.ran.read_text()) if self.ran.exists() else 0

    @property
    def serial(self) -> int:
        found = re.search(r"SOA .* ([0-9]+) 300 ", self.file.read_text())
        assert found is not None
        return int(found[1])


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return Kept(tmp_path)


def test_it_writes_and_runs_when_the_edges_change_and_only_then(kept: Kept) -> None:
    assert kept.keeper.look([ONE, OTHER]) == f"{kept.file} is written: one, other"
    assert kept.keeper.look([ONE, OTHER]) is None
    assert (kept.runs, kept.serial) == (1, 1000)
    assert kept.keeper.look([ONE, OTHER._replace(serves=False)]) == f"{kept.file} is written: one"
    assert "other." not in re.sub(r"(?m)^other\..*", "", kept.file.read_text())
    assert (kept.runs, kept.serial) == (2, 1001)
    said = kept.keeper.look([ONE._replace(serves=False), OTHER._replace(serves=False)])
    assert said is not None
    assert said.endswith("no edge takes calls, so all of them")
    assert not list(kept.file.parent.glob(".*"))


def test_a_command_that_fails_is_tried_again_and_said_once(kept: Kept) -> None:
    kept.broken.touch()
    with pytest.raises(ConfigError, match="ended with 1: no server"):
        kept.keeper.look([ONE])
    assert kept.keeper.look_again(lambda: [ONE]) is None
    kept.now += AGAIN_S
    assert "ended with 1: no server; it is tried again" in (kept.keeper.look_again(lambda: [ONE]) or "")
    kept.now += AGAIN_S
    assert kept.keeper.look_again(lambda: [ONE]) is None
    assert kept.runs == 0
    kept.broken.unlink()
    kept.now += AGAIN_S
    assert kept.keeper.look_again(lambda: [ONE]) == "it works again"
    assert kept.runs == 1


def test_while_the_nodes_are_not_known_the_zone_stays(kept: Kept) -> None:
    kept.keeper.look([ONE])

    def away() -> list[PublishedEdge]:
        raise StoreError("database x: away")

    before = kept.file.read_text()
    assert kept.keeper.look_again(away) == "database x: away; it is tried again"
    assert kept.keeper.look_again(away) is None
    assert kept.file.read_text() == before
    assert kept.keeper.look_again(lambda: [ONE]) == "it works again"


def test_what_can_not_be_written_or_run(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="can't be written: No such file"):
        ZoneKeeper(SETTINGS, Server.BIND, tmp_path / "no" / "zone", None).look([ONE])
    with pytest.raises(ConfigError, match="/no/program failed"):
        ZoneKeeper(SETTINGS, Server.BIND, tmp_path / "zone", "/no/program").look([ONE])
    with pytest.raises(ConfigError, match="--hook is no command"):
        ZoneKeeper(SETTINGS, Server.BIND, tmp_path / "zone", "'")
