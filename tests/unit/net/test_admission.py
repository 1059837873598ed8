"""The gate: budgets, bans, what their evidence is worth, bounds."""

import pytest

from tests.unit.net.wire import OPTIONS, RINGING
from tests.unit.virtual_clock import FakeClock
from trunkline.net.admission import CALLED_S, Ban, Evidence, Gate, GateSettings
from trunkline.net.flows import source_key

STRANGER = "192.0.2.7"
OTHER = "198.51.100.1"


def requests(gate: Gate, count: int, host: str = STRANGER, *, proven: bool = False) -> int:
    """How many of `count` requests from `host` were let in."""
    return sum(gate.admits(host, OPTIONS, proven=proven) for _ in range(count))


def test_an_unknown_source_has_sixteen_requests_in_two_seconds() -> None:
    clock = FakeClock()
    gate = Gate(clock)
    for _ in range(5):
        assert requests(gate, 16) == 16
        clock.advance(2.0)
    assert gate.bans() == []


def test_more_than_that_is_a_ban_of_five_minutes() -> None:
    clock = FakeClock()
    told: list[Ban] = []
    gate = Gate(clock, banned=told.append)
    assert requests(gate, 20) == 16
    assert gate.refused == 4
    (ban,) = gate.bans()
    assert told == [ban]
    assert ban.source == STRANGER
    assert ban.reason == "more than 16 requests in 2 s"
    assert ban.evidence is Evidence.SPOOFABLE
    assert ban.since_at == clock.wall()
    assert requests(gate, 5, OTHER) == 5
    clock.advance(299.5)
    assert requests(gate, 1) == 0
    clock.advance(0.5)
    assert gate.bans() == []
    assert requests(gate, 1) == 1, "the very first one"
    assert requests(gate, 20) == 15
    assert len(gate.bans()) == 1


def test_responses_are_not_counted_but_a_ban_stops_them_too() -> None:
    gate = Gate(FakeClock())
    assert all(gate.admits(STRANGER, RINGING, proven=False) for _ in range(100))
    requests(gate, 17)
    assert not gate.admits(STRANGER, RINGING, proven=False)


def test_responses_of_strangers_are_within_the_budget_of_all_strangers() -> None:
    """They answer nothing that we have asked lately, and to read them is work."""
    clock = FakeClock()
    gate = Gate(clock)
    gate.sent(OTHER, OPTIONS)
    admitted = sum(gate.admits(f"192.0.2.{n % 250}", RINGING, proven=False) for n in range(5000))
    assert admitted == 2000
    assert gate.bans() == []
    assert requests(gate, 1) == 0
    assert all(gate.admits(OTHER, RINGING, proven=False) for _ in range(5000)), "it was asked"
    clock.advance(2.0)
    assert gate.admits(STRANGER, RINGING, proven=False)


def test_a_known_source_has_a_budget_of_its_own_and_is_never_banned() -> None:
    clock = FakeClock()
    asked: list[str] = []

    def known(host: str) -> bool:
        asked.append(host)
        return host == STRANGER

    gate = Gate(clock, GateSettings(known_requests_per_window=100), known=known)
    assert requests(gate, 16) == 16
    assert asked == [STRANGER]
    assert requests(gate, 200) == 84
    assert gate.bans() == []
    assert asked == [STRANGER]
    clock.advance(5.0)
    assert requests(gate, 101) == 100
    assert asked == [STRANGER, STRANGER]


def test_all_strangers_together_have_a_budget_that_known_sources_do_not_use_up() -> None:
    clock = FakeClock()
    gate = Gate(
        clock, GateSettings(strangers_requests_per_window=100), known=lambda host: host == "203.0.113.1"
    )
    assert requests(gate, 500, "203.0.113.1") == 500
    hosts = [f"198.51.{number // 100}.{number % 100}" for number in range(1000)]
    assert sum(requests(gate, 1, host) for host in hosts) == 100
    assert gate.refused == 900
    assert gate.bans() == []
    assert requests(gate, 10, "203.0.113.1") == 10
    clock.advance(2.0)
    assert sum(requests(gate, 1, host) for host in hosts) == 100


def test_while_the_node_is_late_strangers_have_less_and_known_sources_the_same() -> None:
    clock = FakeClock()
    settings = GateSettings(strangers_requests_per_window=640)
    gate = Gate(clock, settings, known=lambda host: host == OTHER)
    hosts = [f"198.51.{number // 100}.{number % 100}" for number in range(1000)]

    def admitted() -> int:
        clock.advance(2.0)
        return sum(requests(gate, 1, host) for host in hosts)

    gate.measured(0.05, limit_s=0.2)
    assert admitted() == 640
    for left in (320, 160, 80, 40, 20, 20):
        gate.measured(0.051, limit_s=0.2)
        assert (admitted(), requests(gate, 1000, OTHER)) == (left, 1000)
    gate.measured(0.0, limit_s=0.2)
    assert 20 < admitted() < 40
    for _ in range(50):
        gate.measured(0.0, limit_s=0.2)
    assert (admitted(), gate.bans()) == (640, [])


def test_a_squeeze_acts_within_the_window() -> None:
    gate = Gate(FakeClock(), GateSettings(strangers_requests_per_window=640))
    hosts = [f"198.51.{number // 100}.{number % 100}" for number in range(800)]
    assert sum(requests(gate, 1, host) for host in hosts[:400]) == 400
    gate.measured(1.0, limit_s=0.2)
    assert sum(requests(gate, 1, host) for host in hosts[400:]) == 0


@pytest.mark.parametrize(
    "line",
    [b"User-Agent: friendly-scanner", b'From: "sipvicious"<sip:100@1.1.1.1>;tag=1', b"User-Agent: pplsip"],
)
def test_a_scanner_is_believed(line: bytes) -> None:
    gate = Gate(FakeClock(), known=lambda host: host == OTHER)
    said = OPTIONS.replace(b"\r\n\r\n", b"\r\n" + line + b"\r\n\r\n")
    assert gate.admits(OTHER, said, proven=False)
    assert not gate.admits(STRANGER, said, proven=False)
    assert requests(gate, 1) == 0
    (ban,) = gate.bans()
    assert (ban.reason, ban.evidence) == ("a scanner, by its own words", Evidence.SPOOFABLE)
    assert gate.admits_connection(STRANGER)
    assert not gate.admits(STRANGER, said, proven=True)
    assert not gate.admits_connection(STRANGER)


def test_a_vouched_source_counts_as_known_for_a_while() -> None:
    clock = FakeClock()
    gate = Gate(clock)
    gate.vouch(STRANGER, 60.0)
    gate.vouch(STRANGER, 1.0)
    clock.advance(59.0)
    assert requests(gate, 50) == 50
    clock.advance(2.0)
    assert requests(gate, 50) == 16
    assert len(gate.bans()) == 1


@pytest.mark.parametrize("customer", [STRANGER, "2001:db8:1::7"])
def test_a_flood_of_forged_sources_makes_no_vouched_one_forgotten(customer: str) -> None:
    """Whoever has signed in has a budget of its own, just when that of all others is used up."""
    gate = Gate(FakeClock(), GateSettings(max_sources=10, strangers_requests_per_window=100))
    gate.vouch(customer, 3600.0)
    for number in range(300):
        gate.admits(f"198.51.{number // 100}.{number % 100}", OPTIONS, proven=False)
    assert requests(gate, 50, customer) == 50
    for number in range(20):
        gate.vouch(f"203.0.113.{number}", 60.0)
    assert requests(gate, 1, customer) == 0, "their number has a bound too"


def test_who_gets_a_request_of_ours_is_known_and_who_gets_a_response_is_not() -> None:
    clock = FakeClock()
    gate = Gate(clock)
    gate.sent(OTHER, RINGING)
    gate.sent(STRANGER, OPTIONS)
    assert requests(gate, 20, OTHER) == 16
    assert requests(gate, 20) == 20
    clock.advance(121.0)
    assert requests(gate, 20) == 16


def test_a_ban_from_udp_stops_udp_only() -> None:
    gate = Gate(FakeClock())
    requests(gate, 17)
    assert requests(gate, 1) == 0
    assert gate.admits_connection(STRANGER)
    assert requests(gate, 1, proven=True) == 1


def test_a_ban_from_udp_ends_when_someone_vouches_for_the_source() -> None:
    gate = Gate(FakeClock())
    requests(gate, 17)
    gate.vouch(STRANGER, 60.0)
    assert gate.bans() == []
    assert requests(gate, 1) == 1


def test_a_ban_from_udp_does_not_hold_against_a_known_source() -> None:
    clock = FakeClock()
    customers: set[str] = set()
    gate = Gate(clock, known=customers.__contains__)
    requests(gate, 17)
    customers.add(STRANGER)
    clock.advance(5.0)
    assert requests(gate, 1) == 1


def test_a_ban_from_a_connection_stops_every_transport() -> None:
    gate = Gate(FakeClock())
    assert requests(gate, 17, proven=True) == 16
    assert gate.bans()[0].evidence is Evidence.PROVEN
    assert not gate.admits_connection(STRANGER)
    assert requests(gate, 1) == 0
    assert gate.refused == 3


def test_an_operators_ban_holds_against_a_known_source_too() -> None:
    gate = Gate(FakeClock(), known=lambda _host: True)
    ban = gate.ban(STRANGER, "abuse report", evidence=Evidence.ORDERED, for_s=10.0)
    assert gate.bans() == [ban]
    assert not gate.admits(STRANGER, OPTIONS, proven=True)
    assert not gate.admits_connection(STRANGER)
    gate.vouch(STRANGER, 100.0)
    assert gate.bans() == [ban]


def test_a_weaker_ban_does_not_replace_a_stronger_one() -> None:
    clock = FakeClock()
    gate = Gate(clock)
    ordered = gate.ban(STRANGER, "abuse report", evidence=Evidence.ORDERED, for_s=1000.0)
    assert gate.ban(STRANGER, "guessing", evidence=Evidence.PROVEN) is ordered
    clock.advance(1000.0)
    assert gate.ban(STRANGER, "guessing", evidence=Evidence.PROVEN) is not ordered


@pytest.mark.parametrize("host", [STRANGER, "2001:db8::7"])
def test_a_ban_made_elsewhere_holds_here_and_is_told_to_nobody(host: str) -> None:
    clock = FakeClock()
    told: list[Ban] = []
    gate, elsewhere = Gate(clock, banned=told.append), Gate(clock)
    ban = elsewhere.ban(host, "guessing", evidence=Evidence.PROVEN, for_s=10.0)
    gate.take_over(ban)
    assert (gate.bans(), told) == ([ban], [])
    assert not gate.admits_connection(host)
    ordered = gate.ban(host, "abuse report", evidence=Evidence.ORDERED)
    gate.take_over(ban)
    assert gate.bans() == [ordered]


def test_a_ban_is_lifted_by_host_or_by_its_own_name() -> None:
    gate = Gate(FakeClock())
    requests(gate, 17)
    assert gate.lift(STRANGER)
    assert not gate.lift(STRANGER)
    assert requests(gate, 16) == 16
    gate.ban("2001:db8::1", "x", evidence=Evidence.ORDERED)
    assert gate.lift("2001:db8::ffff")
    ban = gate.ban("2001:db8::1", "x", evidence=Evidence.ORDERED)
    assert gate.lift(ban.source)


def test_an_ipv6_subnet_is_one_source() -> None:
    gate = Gate(FakeClock())
    admitted = sum(requests(gate, 1, f"2001:db8::{index:x}") for index in range(1, 40))
    assert admitted == 16
    assert [ban.source for ban in gate.bans()] == ["2001:db8::/64"]
    assert requests(gate, 1, "2001:db8:0:1::1") == 1


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1"])
def test_loopback_is_let_in_unless_told_otherwise(host: str) -> None:
    gate = Gate(FakeClock())
    assert requests(gate, 100, host) == 100
    strict = Gate(FakeClock(), GateSettings(loopback=True))
    assert requests(strict, 100, host, proven=True) == 16
    assert not strict.admits_connection(host)
    assert gate.admits_connection(host)
    assert (gate.knows(host), strict.knows(host)) == (True, False)
    assert (gate.spares(source_key(host)), strict.spares(source_key(host))) == (True, False)


@pytest.mark.parametrize("host", ["10.0.0.1", "2001:db8::10", "127.0.0.1", "::1"])
def test_a_front_and_this_machine_are_let_in_unseen_whatever_has_been_seen_of_them(host: str) -> None:
    """A front that has connected by TCP, a PBX beside the node that was called once."""
    clock = FakeClock()
    gate = Gate(clock, GateSettings(fronts=frozenset({"10.0.0.1", "2001:db8::10"})))
    assert gate.admits_connection(host)
    assert gate.crowding(host) is None
    assert gate.knows(host), "its connection gives way to no other"
    gate.sent(host, OPTIONS)
    clock.advance(CALLED_S + 1)
    assert all(gate.admits(host, OPTIONS, proven=proven) for proven in (False, True) for _ in range(50))
    assert gate.bans() == []


def test_forged_addresses_push_out_no_ban_that_rests_on_more() -> None:
    gate = Gate(FakeClock(), GateSettings(max_bans=4))
    gate.ban("192.0.2.1", "abuse", evidence=Evidence.ORDERED)
    gate.ban("192.0.2.2", "wrong passwords", evidence=Evidence.PROVEN)
    for index in range(50):
        requests(gate, 17, f"203.0.113.{index}")
    held = ["192.0.2.1", "192.0.2.2", "203.0.113.48", "203.0.113.49"]
    assert [ban.source for ban in gate.bans()] == held
    for index in range(10):
        gate.ban(f"198.51.100.{index}", "wrong passwords", evidence=Evidence.PROVEN)
    assert gate.bans()[0].source == "192.0.2.1"
    assert len(gate.bans()) == 4


def test_the_tables_are_bounded_and_a_ban_outlives_its_source() -> None:
    gate = Gate(FakeClock(), GateSettings(max_sources=10, max_bans=3))
    requests(gate, 17)
    for index in range(50):
        requests(gate, 1, f"203.0.113.{index}")
    assert requests(gate, 1) == 0
    for index in range(5):
        gate.ban(f"203.0.113.{index}", "x", evidence=Evidence.PROVEN)
    assert [ban.source for ban in gate.bans()] == ["203.0.113.2", "203.0.113.3", "203.0.113.4"]
    assert len(gate._sources) <= 10
