import pytest

from tests.unit.cli.conftest import CommandLine


@pytest.fixture(autouse=True)
def carriers(line: CommandLine) -> None:
    for name in ("a", "b"):
        line.run("carrier", "add", name, "--gateway", "sip:192.0.2.1")


def test_the_longest_prefix_decides(line: CommandLine) -> None:
    line.run("route", "add", "all", "--carrier", "a")
    line.run("route", "add", "+44", "--carrier", "b")
    assert line.json("route", "test", "+442079460123")["prefix"] == "44"
    assert line.json("route", "test", "493012345678")["prefix"] == "all"


def test_order_and_weights(line: CommandLine) -> None:
    row = line.json("route", "add", "44", "--carrier", "a", "--carrier", "b")
    assert row["carriers"] == ["a (priority 0, weight 1)", "b (priority 1, weight 1)"]
    row = line.json("route", "set", "44", "--carrier", "a:0:3,b:0:1")
    assert row["carriers"] == ["a (priority 0, weight 3)", "b (priority 0, weight 1)"]
    assert "NAME:PRIORITY:WEIGHT" in line.error("route", "set", "44", "--carrier", "a:first")


def test_errors_about_the_route_of_every_number_name_it(line: CommandLine) -> None:
    assert line.error("route", "set", "all", "--carrier", "a").startswith("route 'all' does not exist")
    line.run("route", "add", "all", "--carrier", "a")
    assert line.error("route", "add", "all", "--carrier", "b").startswith("route 'all' exists already")
    assert line.error("route", "set", "all", "--carrier", "a,a").startswith("route 'all': a carrier is named")


def test_no_route(line: CommandLine) -> None:
    assert "trunkline route add" in line.run("route", "test", "442079460123", status=1)
    assert line.json("route", "test", "442079460123", status=1)["prefix"] is None


def test_remove(line: CommandLine) -> None:
    line.run("route", "add", "all", "--carrier", "a")
    assert "still in a route" in line.error("carrier", "remove", "a")
    line.run("route", "remove", "all")
    assert line.json("route", "list") == []
    line.run("carrier", "remove", "a")


def test_an_unknown_carrier_or_prefix_is_refused(line: CommandLine) -> None:
    assert "trunkline carrier list" in line.error("route", "add", "44", "--carrier", "nobody")
    assert "does not exist" in line.error("route", "set", "44", "--carrier", "a")


def test_a_price_alone_leaves_the_carriers(line: CommandLine) -> None:
    line.run("route", "add", "44", "--carrier", "a:0:3,b:0:1")
    row = line.json("route", "set", "44", "--price", "0.012")
    assert row["price_per_minute"] == 0.012
    assert row["carriers"] == ["a (priority 0, weight 3)", "b (priority 0, weight 1)"]
    assert "give --carrier or" in line.run("route", "set", "44", status=2)
