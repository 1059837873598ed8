import pytest

from tests.unit.cli.conftest import CommandLine
from trunkline.cli.installation import Installation
from trunkline.sip.digest import Algorithm, ha1


def test_add_takes_a_given_key_and_secret_and_keeps_only_the_digest(line: CommandLine) -> None:
    made = line.json("account", "add", "--key", "trunk1", "--secret", "s3cret-trunk1")
    assert made == {"key": "trunk1", "secret": "s3cret-trunk1"}
    here = Installation(line.settings_file)
    try:
        [credential] = here.store.accounts.get("trunk1").credentials
    finally:
        here.close()
    assert credential.ha1_md5 == ha1("trunk1", "sip.example.net", "s3cret-trunk1", Algorithm.MD5)


def test_add_makes_key_and_secret_and_says_what_the_pbx_needs(line: CommandLine) -> None:
    said = line.run("account", "add", "--name", "First")
    [account] = line.json("account", "list")
    assert account["name"] == "First"
    assert f"user name {account['key']}" in said
    assert "server sip.example.net" in said


def test_a_second_account_of_a_key_is_refused(line: CommandLine) -> None:
    line.run("account", "add", "--key", "trunk1")
    assert "trunkline account show trunk1" in line.error("account", "add", "--key", "trunk1")


def test_limits_left_out_stay_and_minus_one_lifts_one(line: CommandLine) -> None:
    line.run("account", "add", "--key", "trunk1")
    line.run("account", "limit", "trunk1", "--concurrent", 30, "--per-second", 3, "--allow", "+44,49")
    card = line.json("account", "limit", "trunk1", "--concurrent", -1, "--deny", "4470")
    assert card["max_concurrent"] is None
    assert card["max_per_second"] == 3
    assert card["allowed_prefixes"] == ["44", "49"]
    assert card["denied_prefixes"] == ["4470"]
    card = line.json("account", "limit", "trunk1", "--allow", "all", "--deny", "none")
    assert card["allowed_prefixes"] == ["all"]
    assert card["denied_prefixes"] == []


@pytest.mark.parametrize("option", ["concurrent", "inbound", "per-second", "minutes-per-day", "cost-per-day"])
def test_no_other_negative_limit_lifts_one(line: CommandLine, option: str) -> None:
    line.run("account", "add", "--key", "trunk1")
    name = option.replace("-", "_")
    field = name if name.endswith("_per_day") else f"max_{name}"
    line.run("account", "limit", "trunk1", f"--{option}", 3)
    assert "-1 for none" in line.run("account", "limit", "trunk1", f"--{option}", -2, status=2)
    assert line.json("account", "show", "trunk1")[field] == 3
    assert line.json("account", "limit", "trunk1", f"--{option}", -1)[field] is None


def test_set_changes_what_it_is_told_and_nothing_else(line: CommandLine) -> None:
    line.run("account", "add", "--key", "trunk1", "--name", "First")
    card = line.json(
        "account", "set", "trunk1", "--caller-id", "replace", "--caller-id-number", "+44 20 7946 0123"
    )
    assert (card["caller_id_policy"], card["caller_id_number"]) == ("replace", "442079460123")
    assert card["name"] == "First"
    card = line.json("account", "set", "trunk1", "--codec", "PCMU,PCMA", "--codec", "G729")
    assert card["codecs"] == ["PCMU", "PCMA", "G729"]
    assert card["caller_id_policy"] == "replace"
    card = line.json("account", "set", "trunk1", "--caller-id", "any", "--caller-id-number", "none")
    assert card["caller_id_number"] is None


def test_transfers_are_off_until_they_are_allowed(line: CommandLine) -> None:
    line.run("account", "add", "--key", "one")
    assert not line.json("account", "show", "one")["refer_enabled"]
    assert line.json("account", "set", "one", "--refer")["refer_enabled"]
    assert line.json("account", "set", "one", "--name", "One")["refer_enabled"]
    assert not line.json("account", "set", "one", "--no-refer")["refer_enabled"]


def test_an_unknown_codec_is_refused_with_those_that_are_known(line: CommandLine) -> None:
    line.run("account", "add", "--key", "trunk1")
    assert "PCMA, PCMU" in line.error("account", "set", "trunk1", "--codec", "opus")


def test_block_and_unblock(line: CommandLine) -> None:
    line.run("account", "add", "--key", "trunk1")
    assert line.json("account", "block", "trunk1")["status"] == "blocked"
    assert line.json("account", "show", "trunk1")["status"] == "blocked"
    assert line.json("account", "unblock", "trunk1")["status"] == "active"


def test_rotate_secret_shows_the_new_one(line: CommandLine) -> None:
    line.run("account", "add", "--key", "trunk1")
    made = line.json("account", "rotate-secret", "trunk1", "--overlap-s", 0)
    assert len(made["secret"]) >= 16
    assert made["old_secret_works_for_s"] == 0


def test_remove_refuses_while_numbers_are_left(line: CommandLine) -> None:
    line.run("account", "add", "--key", "trunk1")
    line.run("number", "add", "442079460123", "--account", "trunk1")
    assert "trunkline number list trunk1" in line.error("account", "remove", "trunk1")
    line.run("number", "remove", "442079460123")
    line.run("account", "remove", "trunk1")
    assert line.json("account", "list") == []


def test_show_lists_the_numbers(line: CommandLine) -> None:
    line.run("account", "add", "--key", "trunk1")
    line.run("number", "add", "+442079460123", "--account", "trunk1")
    assert line.json("account", "show", "trunk1")["numbers"] == ["442079460123"]
    assert "442079460123" in line.run("account", "show", "trunk1")


def test_credit_is_given_taken_and_shown(line: CommandLine) -> None:
    line.run("account", "add", "--key", "acme")
    assert line.json("account", "credit", "acme") == {"key": "acme", "credit": "0.00"}
    assert line.json("account", "credit", "acme", "25")["credit"] == "25.00"
    assert line.json("account", "credit", "acme", "-0.5")["credit"] == "24.50"
    assert "is no amount" in line.error("account", "credit", "acme", "lots")
    newest = line.json("audit")[0]
    assert (newest["action"], newest["before"], newest["after"]) == (
        "credit",
        {"credit": "25.00"},
        {"credit": "24.50"},
    )


@pytest.mark.parametrize(
    ("option", "most"),
    [
        ("--concurrent", "2147483647"),
        ("--per-second", "2147483647"),
        ("--minutes-per-day", "2147483647"),
        ("--cost-per-day", "1000000"),
    ],
)
def test_a_limit_has_the_bounds_of_the_api(line: CommandLine, option: str, most: str) -> None:
    line.run("account", "add", "--key", "k1")
    line.run("account", "limit", "k1", option, most)
    for value in (f"{most}1", "9" * 20, "-2"):
        said = line.run("account", "limit", "k1", f"{option}={value}", status=2)
        assert f"0 to {most}" in " ".join(said.replace("│", " ").split())
