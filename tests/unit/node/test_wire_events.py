"""What strangers cause is logged at most once a second for each of them."""

import structlog
from structlog.testing import capture_logs

from tests.unit.sip.fake_wire import FakeFlow
from tests.unit.virtual_clock import FakeClock
from trunkline.node.visits import Visits
from trunkline.node.wire_events import WireEvents
from trunkline.observe.log import SourceLog
from trunkline.sip.ports import Address


def test_one_line_a_second_for_each_source() -> None:
    clock = FakeClock()
    visits = Visits(clock)
    with capture_logs() as lines:
        events = WireEvents(SourceLog(structlog.get_logger(), clock.now), visits)
        flow = FakeFlow(remote=Address("192.0.2.1", 40000))
        for _ in range(10):
            events.weak_tls_negotiated(flow, "TLSv1")
            events.certificate_not_verified(flow, "pbx.example")
            events.connection_turned_away(flow.remote, "too many")
        events.connection_turned_away(Address("192.0.2.2", 1), "too many")
        clock.advance(1)
        events.connection_turned_away(flow.remote, "too many")
    assert [line["event"] for line in lines] == ["weak TLS", *["connection turned away"] * 2]
    weak = visits.last_weak_tls("192.0.2.1")
    assert weak is not None
    assert lines[0]["version"] == weak.version == "TLSv1"
    assert lines[-1]["suppressed"] == 29


def test_a_fault_of_ours_is_always_told() -> None:
    with capture_logs() as lines:
        events = WireEvents(SourceLog(structlog.get_logger(), FakeClock().now), Visits(FakeClock()))
        for _ in range(2):
            events.faulted("udp", ValueError("of ours"))
    assert [(line["log_level"], line["where"]) for line in lines] == [("error", "udp")] * 2
