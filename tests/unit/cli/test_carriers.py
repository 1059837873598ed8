import pytest

from tests.unit.cli.conftest import CommandLine, RunningNode
from trunkline.store.keys import Keyring


@pytest.mark.parametrize(
    "gateways",
    [
        ("--gateway", "sip:192.0.2.10", "--gateway", "sip:192.0.2.11:5080"),
        ("--gateway", "sip:192.0.2.10", "sip:192.0.2.11:5080"),
        ("--gateway", "192.0.2.10, 192.0.2.11:5080"),
    ],
)
def test_gateways_are_tried_in_order_and_calls_are_taken_from_them(
    line: CommandLine, gateways: tuple[str, ...]
) -> None:
    card = line.json("carrier", "add", "up", *gateways)
    assert card["gateways"] == [
        "sip:192.0.2.10 (priority 0, weight 1)",
        "sip:192.0.2.11:5080 (priority 1, weight 1)",
    ]
    assert card["sources"] == ["192.0.2.10/32", "192.0.2.11/32"]


def test_balance_gives_gateways_one_priority(line: CommandLine) -> None:
    card = line.json("carrier", "add", "up", "--balance", "--gateway", "sip:192.0.2.10", "sip:192.0.2.11")
    assert all("priority 0" in gateway for gateway in card["gateways"])


def test_balance_alone_spreads_calls_over_the_gateways_there_are(line: CommandLine) -> None:
    line.run("carrier", "add", "up", "--gateway", "sip:192.0.2.10", "sip:192.0.2.11")
    card = line.json("carrier", "set", "up", "--balance")
    assert card["gateways"] == [f"sip:192.0.2.{host} (priority 0, weight 1)" for host in (10, 11)]


def test_a_named_gateway_needs_a_source(line: CommandLine) -> None:
    said = line.run("carrier", "add", "up", "--gateway", "sip:sbc.carrier.example")
    assert "trunkline carrier set up --source" in said
    assert line.json("carrier", "set", "up", "--source", "198.51.100.0/28")["sources"] == ["198.51.100.0/28"]
    assert line.json("carrier", "set", "up", "--source", "none")["sources"] == []


def test_set_changes_what_it_is_told_and_nothing_else(line: CommandLine) -> None:
    line.run("carrier", "add", "up", "--gateway", "sip:192.0.2.10", "--user", "us", "--secret", "them-1234")
    card = line.json(
        "carrier", "set", "up", "--called-rule", ":0:+", "--caller-rule", "44:2:0,49:2:00", "--codec", "PCMA",
        "--transport", "tls", "--verify-tls", "--no-pings", "--ring-timeout", 20, "--register",
    )  # fmt: skip
    assert card["called_rules"] == [":0:+"]
    assert card["caller_rules"] == ["44:2:0", "49:2:00"]
    assert card["codecs"] == ["PCMA"]
    assert (card["transport"], card["verify_tls"], card["pings"]) == ("tls", True, False)
    assert (card["user"], card["registers"], card["ring_timeout_s"]) == ("us", True, 20)
    assert card["gateways"] == ["sip:192.0.2.10 (priority 0, weight 1)"]
    assert line.json("carrier", "set", "up", "--called-rule", "none")["called_rules"] == []


def test_sources_that_are_the_gateways_addresses_move_with_them(line: CommandLine) -> None:
    line.run("carrier", "add", "up", "--gateway", "sip:192.0.2.10")
    assert line.json("carrier", "set", "up", "--gateway", "192.0.2.12")["sources"] == ["192.0.2.12/32"]
    line.run("carrier", "set", "up", "--source", "198.51.100.0/28")
    assert line.json("carrier", "set", "up", "--gateway", "192.0.2.13")["sources"] == ["198.51.100.0/28"]


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("--user", "us"), "go together"),
        (("--realm", "carrier.example"), "go together"),
        (("--called-rule", "44"), "PREFIX:STRIP:PREPEND"),
        (("--gateway", "sip:"), "gateway 'sip:'"),
        (("sip:192.0.2.12",), "come after --gateway"),
        (("--source", "somewhere"), "not an address or CIDR range"),
    ],
)
def test_what_can_not_be_is_refused(line: CommandLine, args: tuple[str, ...], says: str) -> None:
    line.run("carrier", "add", "up", "--gateway", "sip:192.0.2.10")
    assert says in line.error("carrier", "set", "up", *args)


def test_the_secret_is_never_shown(line: CommandLine) -> None:
    line.run("carrier", "add", "up", "--gateway", "sip:192.0.2.10", "--user", "us", "--secret", "them-1234")
    assert "them-1234" not in line.run("carrier", "show", "up") + line.run("carrier", "list")


def test_a_secret_that_cant_be_read_any_more_is_set_again(line: CommandLine) -> None:
    line.run("carrier", "add", "up", "--gateway", "sip:192.0.2.10", "--user", "us", "--secret", "them-1234")
    key = line.settings_file.parent / "secret.key"
    key.unlink()
    Keyring.create(key)
    assert "set it again" in line.error("carrier", "show", "up")
    line.run("carrier", "set", "up", "--user", "us", "--secret", "them-5678")
    assert line.json("carrier", "show", "up")["user"] == "us"


def test_disable_and_enable(line: CommandLine) -> None:
    line.run("carrier", "add", "up", "--gateway", "sip:192.0.2.10")
    assert line.json("carrier", "disable", "up")["enabled"] is False
    assert line.json("carrier", "list")[0]["enabled"] is False
    assert line.json("carrier", "enable", "up")["enabled"] is True


def test_probe_asks_every_gateway(node: RunningNode) -> None:
    [result] = node.line.json("carrier", "test", "simulated")
    assert result["answered"]
    assert result["uri"] == f"sip:{node.pstn}"


def test_probe_of_a_carrier_without_gateway(line: CommandLine) -> None:
    line.run("carrier", "add", "up", "--source", "192.0.2.1")
    assert "--gateway" in line.error("carrier", "test", "up")
