from tests.unit.sip.fake_wire import OURS, PEER, FakeFlow
from trunkline.sip.fronted import FrontedFlow, described, source_of
from trunkline.sip.ports import Address, Transport

CLIENT = Address("203.0.113.7", 40000)


def test_the_way_is_the_fronts_and_the_source_the_clients() -> None:
    way = FakeFlow(Transport.TCP)
    flow = FrontedFlow(way, CLIENT, "TLS")
    assert (flow.transport, flow.remote, flow.sent_by, flow.closed) == (Transport.TCP, PEER, OURS, False)
    assert (source_of(flow), source_of(way)) == (CLIENT, PEER)
    assert (described(flow), described(way)) == ("TLS 203.0.113.7:40000", "TCP 192.0.2.10:5060")
    flow.send(b"x")
    assert way.sent == [b"x"]
    way.closed = True
    assert flow.closed
    assert "203.0.113.7" in repr(flow)


def test_a_failure_of_the_way_is_found_by_it() -> None:
    way = FakeFlow(Transport.TCP)
    waiting = {FrontedFlow(way, CLIENT, "UDP"): 1}
    assert waiting[way] == 1  # type: ignore[index]
    assert waiting[FrontedFlow(way, PEER, "UDP")] == 1
    assert FrontedFlow(way, CLIENT, "UDP") != FakeFlow(Transport.TCP)
