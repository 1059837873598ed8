import wave
from pathlib import Path

import pytest

from tests.unit.cli.conftest import CommandLine, RunningNode
from trunkline.cli.dial import local_address_for
from trunkline.sip.uri import SipUri

WHO = ("--key", "trunk1", "--secret", "s3cret-trunk1")


def test_the_far_end_is_heard(node: RunningNode, tmp_path: Path) -> None:
    heard = tmp_path / "heard.wav"
    said = node.line.run("dial", "9992000", *WHO, "--listen", "1004", "--for", "1", "--record", heard)
    assert "200 OK" in said
    assert "heard 1004 Hz" in said
    with wave.open(str(heard)) as recording:
        assert recording.getnframes() > 4000


def test_an_echo_brings_back_what_was_played(node: RunningNode) -> None:
    report = node.line.json("dial", "9991000", *WHO, "--tone", "700", "--for", "1")
    [tone] = report["hearing"]["tones"]
    assert tone[0] == 700
    assert tone[1] > 500


def test_a_tone_that_is_not_heard_fails_the_command(node: RunningNode) -> None:
    node.line.run("dial", "9992000", *WHO, "--listen", "440", "--for", "0.3", status=1)


def test_a_refusal_shows_the_error_id(node: RunningNode) -> None:
    said = node.line.run("dial", "9995000", *WHO, status=1)
    assert "486" in said
    assert "busy" in said


def test_a_number_may_be_typed_as_people_write_it(node: RunningNode) -> None:
    assert node.line.json("dial", "+999 2000", *WHO, "--for", "0.2")["answered"]


def test_no_credentials_and_wrong_ones_are_told_apart_for_the_user(node: RunningNode) -> None:
    assert "need --key and --secret" in node.line.run("dial", "9992000", status=1)
    wrong = node.line.run("dial", "9992000", "--key", "trunk1", "--secret", "wrong-one", status=1)
    assert "Check --key and --secret" in wrong


def test_the_secret_may_come_from_the_environment(node: RunningNode, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUNKLINE_SECRET", "s3cret-trunk1")
    assert node.line.json("dial", "9992000", "--key", "trunk1", "--for", "0.2")["answered"]


def test_key_without_secret_is_refused(line: CommandLine) -> None:
    assert "go together" in line.error("dial", "9992000", "--key", "trunk1")


@pytest.mark.parametrize("to", ["", "ünï", "a<b"])
def test_what_cant_be_called_is_not_tried(line: CommandLine, to: str) -> None:
    assert "neither a number nor a SIP URI" in line.error("dial", to)


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("--ring", "nan", "from 0 to 86400 seconds"),
        ("--for", "inf", "from 0 to 86400 seconds"),
        ("--for", "-1", "from 0 to 86400 seconds"),
        ("--bind", "here", "not an IP address"),
        ("--bind", "", "not an IP address"),
    ],
)
def test_an_option_that_can_not_be_is_a_wrong_use(
    line: CommandLine, option: str, value: str, says: str
) -> None:
    assert says in line.run("dial", "9992000", f"{option}={value}", status=2)


def test_loopback_is_called_from_loopback() -> None:
    assert local_address_for(SipUri.parse("sip:127.0.0.9")) == "127.0.0.1"
    assert local_address_for(SipUri.parse("sip:[::1]")) == "::1"


def test_one_codec_is_offered(node: RunningNode) -> None:
    report = node.line.json("dial", "9992000", *WHO, "--codec", "pcmu", "--for", "0.5")
    assert report["codec"] == "PCMU"


def test_an_unknown_codec_is_refused(line: CommandLine) -> None:
    assert "known are PCMA" in line.error("dial", "sip:1@192.0.2.1", "--codec", "opus")
