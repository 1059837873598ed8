import pytest

from tests.unit.sip.fake_wire import FakeFlow
from tests.unit.virtual_clock import FakeClock
from trunkline.node import visits as module
from trunkline.node.visits import Visits
from trunkline.sip.ports import Address


def flow(host: str, port: int = 5060) -> FakeFlow:
    return FakeFlow(remote=Address(host, port))


def test_the_last_of_each_is_remembered() -> None:
    clock = FakeClock()
    visits = Visits(clock)
    visits.refused(flow("192.0.2.1"), "trunk1")
    clock.advance(5)
    visits.refused(flow("192.0.2.2", 40000), "trunk1")
    visits.asked(flow("192.0.2.3"))
    refused = visits.last_refused("trunk1")
    assert refused is not None
    assert refused.source == "UDP 192.0.2.2:40000"
    assert refused.at == visits.last_asked("192.0.2.3") == clock.wall()
    assert visits.last_refused("other") is None
    assert visits.last_asked("192.0.2.4") is None


def test_strangers_fill_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 3)
    visits = Visits(FakeClock())
    for name in ("a", "b", "c", "d", "x" * 65):
        visits.refused(flow("192.0.2.1"), name)
    assert visits.last_refused("a") is None
    assert visits.last_refused("d") is not None
    assert visits.last_refused("x" * 65) is None
    for name in ("a", "b", "c", "d", "x" * 65):
        visits.without(flow("192.0.2.1", 5062), name)
    assert visits.last_without("a") is None
    without = visits.last_without("d")
    assert without is not None
    assert without.source == "UDP 192.0.2.1:5062"
    assert visits.last_without("x" * 65) is None
    for host in range(5):
        visits.asked(flow(f"192.0.2.{host}"))
    assert visits.last_asked("192.0.2.1") is None
    assert visits.last_asked("192.0.2.4") is not None


def test_another_realm_and_a_weak_tls_are_remembered() -> None:
    clock = FakeClock()
    visits = Visits(clock)
    visits.refused(flow("192.0.2.1"), "trunk1", "r" * 1000)
    refused = visits.last_refused("trunk1")
    assert refused is not None
    assert refused.realm == "r" * 64
    visits.weak_tls(flow("192.0.2.1"), "TLSv1")
    clock.advance(10)
    visits.weak_tls(flow("192.0.2.2"), "TLSv1.1")
    first, second = (visits.last_weak_tls(f"192.0.2.{host}") for host in (1, 2))
    assert first is not None
    assert second is not None
    assert (first.version, second.version, second.at - first.at) == ("TLSv1", "TLSv1.1", 10)
    assert visits.last_weak_tls("192.0.2.3") is None
    assert visits.weak_tls_since(first.at) == {"192.0.2.1": first, "192.0.2.2": second}
    assert visits.weak_tls_since(second.at) == {"192.0.2.2": second}
