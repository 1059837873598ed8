import re
from pathlib import Path

import pytest

from tests.interop.addresses import wait_for
from tests.unit.cli.conftest import CommandLine, RunningNode

ADVERTISED = '[sip]\nadvertised_host = "203.0.113.5"\n'


@pytest.fixture
def trunk(line: CommandLine) -> CommandLine:
    line.settings_file.write_text(line.settings_file.read_text().replace("[sip]\n", ADVERTISED))
    line.run("account", "add", "--key", "trunk1", "--secret", "s3cret-trunk1")
    line.run("number", "add", "+442079460123", "--account", "trunk1")
    return line


def test_the_files_are_printed_with_their_places(trunk: CommandLine) -> None:
    out = trunk.run("pbx", "asterisk-pjsip", "--account", "trunk1", "--secret", "s3cret-trunk1")
    assert "==> pjsip_trunkline.conf: /etc/asterisk/" in out
    assert "password=s3cret-trunk1" in out
    assert "match=203.0.113.5" in out
    assert "from_user=442079460123" in out


def test_as_json(trunk: CommandLine) -> None:
    (page,) = trunk.json("pbx", "3cx", "--account", "trunk1", "--secret", "s3cret-trunk1")
    assert page["name"] == "3cx.txt"
    assert "s3cret-trunk1" in page["text"]


def test_files_are_written_for_their_owner_alone(trunk: CommandLine, tmp_path: Path) -> None:
    trunk.run(
        "pbx", "freeswitch", "--account", "trunk1", "--secret", "s3cret-trunk1", "--out", tmp_path / "fs"
    )
    gateway = tmp_path / "fs" / "sip_profiles" / "external" / "trunkline.xml"
    assert 'value="s3cret-trunk1"' in gateway.read_text()
    assert gateway.stat().st_mode & 0o777 == 0o600


def test_freeswitch_is_not_left_with_what_it_can_not_answer(trunk: CommandLine) -> None:
    arguments = ("--account", "trunk1", "--secret", "s3cret-trunk1")
    assert "SHA-256" not in trunk.run("pbx", "freeswitch", *arguments)
    text = trunk.settings_file.read_text()
    trunk.settings_file.write_text(text.replace("[service]\n", '[service]\ndigest = ["MD5", "SHA-256"]\n'))
    assert 'service.digest = ["MD5"]' in trunk.run("pbx", "freeswitch", *arguments)
    assert "SHA-256" not in trunk.run("pbx", "asterisk-pjsip", *arguments)


def test_a_new_secret_is_the_accounts(trunk: CommandLine) -> None:
    secret = re.search(r"Password +(\S+)", trunk.run("pbx", "generic", "--account", "trunk1", "--new-secret"))
    assert secret is not None
    assert secret[1] != "s3cret-trunk1"
    assert len(secret[1]) >= 12


def test_the_number_that_was_asked_for(trunk: CommandLine) -> None:
    trunk.run("number", "add", "+442079460999", "--account", "trunk1")
    wanted = ("--account", "trunk1", "--secret", "s3cret-trunk1", "--number", "+44 20 7946 0999")
    assert "fromuser=442079460999" in trunk.run("pbx", "asterisk-sip", *wanted)


def test_an_old_secret_is_good_while_it_works(trunk: CommandLine) -> None:
    arguments = ("generic", "--account", "trunk1", "--secret", "s3cret-trunk1")
    trunk.run("account", "rotate-secret", "trunk1")
    assert "s3cret-trunk1" in trunk.run("pbx", *arguments)
    trunk.run("account", "rotate-secret", "trunk1", "--overlap-s", "0")
    assert "is not the secret" in trunk.error("pbx", *arguments)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--account", "trunk1"), "--new-secret"),
        (("--account", "trunk1", "--secret", "s3cret-trunk1", "--new-secret"), "exclude"),
        (("--account", "trunk1", "--secret", "s3cret-trunk1", "--srtp"), "TLS"),
        (("--account", "trunk1", "--secret", "has:colon"), "rotate-secret"),
        (("--account", "nobody", "--secret", "s3cret-trunk1"), "nobody"),
        (("--account", "trunk1", "--secret", "s3cret-trunk2"), "is not the secret of account trunk1"),
        (
            ("--account", "trunk1", "--secret", "s3cret-trunk1", "--number", "+442079460999"),
            "trunkline number list trunk1",
        ),
    ],
)
def test_what_is_refused(trunk: CommandLine, arguments: tuple[str, ...], says: str) -> None:
    assert says in trunk.error("pbx", "generic", *arguments)


@pytest.mark.parametrize("wrong", [("--srtp",), ("--out", "/dev/null/pbx")])
def test_nothing_is_rotated_for_a_configuration_that_cannot_be(
    trunk: CommandLine, wrong: tuple[str, ...]
) -> None:
    trunk.error("pbx", "generic", "--account", "trunk1", "--new-secret", *wrong)
    assert "rotate-secret" not in trunk.run("audit", "--json")


def check(node: RunningNode, status: int = 0) -> dict[str, dict[str, str]]:
    found = node.line.json("pbx", "check", "--account", "trunk1", status=status)
    return {one["name"]: one for one in found}


def test_a_pbx_is_watched_arriving(node: RunningNode) -> None:
    assert {one["state"] for one in check(node).values()} == {"info"}
    dial = ("dial", f"sip:9992000@{node.sip}", "--key", "trunk1", "--for", "1")
    node.line.run(*dial, "--secret", "a wrong one", status=1)
    wrong = check(node, status=1)["Password"]
    assert wrong["state"] == "bad"
    assert "127.0.0.1" in wrong["said"]
    node.line.run("ping", f"sip:{node.sip}")
    node.line.run(*dial, "--secret", "s3cret-trunk1")
    seen = wait_for("the record", lambda: closed if "Audio" in (closed := check(node)) else None)
    assert seen["Password"]["state"] == "good"
    assert seen["Health check"]["state"] == "good"
    assert seen["Call out"]["said"].startswith("Answered, with PCM")
    assert seen["Audio"]["state"] == "good"
    assert seen["Encryption"]["state"] == "warn"
    told = node.line.run("pbx", "check", "--account", "trunk1", "--wait", "1.2")
    assert told.count("Call out: Answered") == 1, "only what changes is said again"
    assert "waiting  Call in: None yet." in told


def test_an_unknown_account_is_nobodys_pbx(node: RunningNode) -> None:
    assert "nobody" in node.line.error("pbx", "check", "--account", "nobody")
