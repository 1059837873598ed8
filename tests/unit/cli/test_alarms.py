import time

from tests.unit.cli.conftest import CommandLine
from trunkline.config import Settings
from trunkline.store.store import Store
from trunkline.trunk.fraud import Alarm, AlarmKind


def test_no_alarm(line: CommandLine) -> None:
    assert line.json("alarm", "list") == []
    assert "No alarm was raised." in line.run("alarm", "list")


def test_alarms_are_listed(line: CommandLine) -> None:
    settings = Settings.load(line.settings_file)
    store = Store.open(settings.database_url, settings.key_file, settings.service.domain)
    store.alarms.add(Alarm("trunk1", AlarmKind.SPIKE, time.time(), "442079460123", "99 calls", blocked=True))
    store.alarms.add(Alarm("other", AlarmKind.NEW_COUNTRY, time.time(), "37167012345", "new", blocked=False))
    store.close()
    assert [row["account"] for row in line.json("alarm", "list")] == ["other", "trunk1"]
    (row,) = line.json("alarm", "list", "--account", "trunk1")
    assert (row["kind"], row["called"], row["blocked"]) == ("spike", "442079460123", True)
