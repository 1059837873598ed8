"""The directory answers the call path's questions, and follows changes."""

from ipaddress import ip_network

import pytest

from tests.unit.trunk.entities import ACME, ALPHA, BETA, NUMBER, ROUTE_44, directory
from trunkline.trunk import directory as directory_module
from trunkline.trunk.account import Account, AccountStatus
from trunkline.trunk.carrier import Carrier
from trunkline.trunk.directory import Directory, Kind, Put, Remove, Snapshot
from trunkline.trunk.number import Number
from trunkline.trunk.routes import Route, RouteCarrier


def test_look_ups() -> None:
    known = directory()
    assert known.account("acme") is ACME
    assert known.number("441632960000") == NUMBER
    assert known.carrier("alpha") is ALPHA
    assert known.route_for("441632960000") is ROUTE_44
    assert known.owns("acme", "441632960000")
    assert not known.owns("other", "441632960000")
    assert not known.owns("acme", "441632960001")


def test_what_is_not_there() -> None:
    known = Directory()
    assert known.account("acme") is None
    assert known.number("441632960000") is None
    assert known.carrier("alpha") is None
    assert known.route_for("441632960000") is None
    assert known.carrier_by_source("192.0.2.1") is None
    assert known.carrier_by_inbound_account("acme") is None


def test_changes_are_taken_over() -> None:
    known = directory()
    known.apply(Put(Account("acme", status=AccountStatus.BLOCKED)))
    account = known.account("acme")
    assert account is not None
    assert account.blocked
    known.apply(Put(Number("441632960001", "acme")))
    known.apply(Put(Route("4416", (RouteCarrier("beta"),))))
    route = known.route_for("441632960000")
    assert route is not None
    assert route.prefix == "4416"
    known.apply(Put(Carrier("gamma", (), sources=(ip_network("192.0.2.7"),), inbound_account="gamma-key")))
    assert known.carrier_by_source("192.0.2.7") is known.carrier("gamma")
    assert known.carrier_by_inbound_account("gamma-key") is known.carrier("gamma")
    for kind, key in (
        (Kind.ACCOUNT, "acme"),
        (Kind.NUMBER, "441632960001"),
        (Kind.CARRIER, "gamma"),
        (Kind.ROUTE, "4416"),
    ):
        known.apply(Remove(kind, key))
        known.apply(Remove(kind, key))
    assert known.account("acme") is None
    assert known.number("441632960001") is None
    assert known.carrier_by_source("192.0.2.7") is None
    assert known.carrier_by_inbound_account("gamma-key") is None
    assert known.route_for("441632960000") is ROUTE_44


def test_replace_all_forgets_the_rest() -> None:
    known = directory()
    known.replace_all(Snapshot(accounts=(Account("other"),)))
    assert list(known.accounts()) == [Account("other")]
    assert known.number(NUMBER.e164) is None
    assert not list(known.carriers())
    assert known.route_for("441632960000") is None


def test_all_of_a_kind() -> None:
    known = directory()
    assert list(known.accounts()) == [ACME]
    assert list(known.carriers()) == [ALPHA, BETA]
    assert list(known.routes()) == [ROUTE_44]
    assert len(known.numbers) == 1


def test_a_change_tells_what_it_replaced() -> None:
    known = directory()
    changed = Number(NUMBER.e164, "other")
    assert known.number(NUMBER.e164) == NUMBER
    assert known.apply(Put(changed)) == NUMBER
    assert known.number(NUMBER.e164) == changed
    assert known.apply(Remove(Kind.NUMBER, NUMBER.e164)) == changed
    assert known.apply(Remove(Kind.NUMBER, NUMBER.e164)) is None
    assert known.apply(Put(ACME)) is None
    assert known.number(NUMBER.e164) is None


def test_numbers_that_were_read_are_remembered_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(directory_module, "_CACHED_NUMBERS", 8)
    known = directory(numbers=[Number(f"4930{number:08}", "acme") for number in range(20)])
    for _ in range(2):
        for number in range(20):
            found = known.number(f"4930{number:08}")
            assert found == Number(f"4930{number:08}", "acme")
            assert known.number(f"4930{number:08}") is found
    assert len(known._read) == 8


def source(name: str, *ranges: str, enabled: bool = True) -> Carrier:
    return Carrier(name, (), enabled=enabled, sources=tuple(ip_network(text) for text in ranges))


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("198.51.100.7", "wide"),
        ("198.51.100.129", "narrow"),
        ("198.51.100.130", "one"),
        ("::ffff:198.51.100.130", "one"),
        ("2001:db8::5", "six"),
        ("2001:db9::5", None),
        ("203.0.113.9", None),
        ("192.0.2.99", None),
        ("pbx.example", None),
        ("", None),
    ],
)
def test_the_narrowest_range_names_the_carrier(host: str, name: str | None) -> None:
    known = directory(
        carriers=[
            source("wide", "198.51.100.0/24"),
            source("narrow", "198.51.100.128/25"),
            source("one", "198.51.100.130/32"),
            source("six", "2001:db8::/32"),
            source("off", "192.0.2.99/32", enabled=False),
        ]
    )
    for _ in range(2):
        found = known.carrier_by_source(host)
        assert (found and found.name) == name


def test_a_disabled_carrier_is_a_stranger() -> None:
    known = directory(carriers=[Carrier("alpha", (), enabled=False, inbound_account="alpha")])
    assert known.carrier_by_inbound_account("alpha") is None
    assert known.carrier("alpha") is not None


def test_a_flood_of_sources_costs_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(directory_module, "_CACHED_SOURCES", 8)
    known = directory(carriers=[source("wide", "10.0.0.0/8")])
    for number in range(100):
        assert known.carrier_by_source(f"192.0.2.{number}") is None
    assert len(known._sources._cache) <= 8
    assert known.carrier_by_source("10.1.2.3") is known.carrier("wide")
