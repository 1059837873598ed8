"""The options about media that accounts and carriers share."""

import pytest

from tests.unit.cli.conftest import CommandLine

GIVEN = ("--no-transcoding", "--srtp", "required", "--dtmf", "info")


@pytest.mark.parametrize("kind", ["account", "carrier"])
def test_how_audio_is_agreed_on(line: CommandLine, kind: str) -> None:
    name = "--key" if kind == "account" else "--gateway=sip:192.0.2.9"
    line.run(kind, "add", *((name, "one") if kind == "account" else ("one", name)))
    card = line.json(kind, "show", "one")
    assert (card["transcoding"], card["srtp"], card["dtmf"]) == (True, "allowed", "auto")
    card = line.json(kind, "set", "one", *GIVEN)
    assert (card["transcoding"], card["srtp"], card["dtmf"]) == (False, "required", "info")
    card = line.json(kind, "set", "one", "--codec", "G722")
    assert (card["transcoding"], card["srtp"], card["codecs"]) == (False, "required", ["G722"])


def test_what_a_refused_or_waiting_caller_hears_is_the_accounts(line: CommandLine) -> None:
    line.run("account", "add", "--key", "one")
    card = line.json("account", "set", "one", "--ringback", "tone", "--announcements")
    assert (card["ringback"], card["announcements"]) == ("tone", True)
    assert not line.json("account", "set", "one", "--no-announcements")["announcements"]
