"""Where requests within a dialog go: RFC 3261 §12.2.1.1 and §8.1.2, and what peers behind NAT need beyond
it.
"""

import pytest

from tests.simulation.bench import Bench
from tests.simulation.phone import Phone
from tests.simulation.virtual_network import StreamFlow
from trunkline.sip.ports import Address, Flow, Target, Transport
from trunkline.sip.uri import SipUri


def next_hop(bench: Bench) -> str:
    """`flow …` or the URI."""
    hop = bench.phone.the_usage.dialog.next_hop()
    return str(hop) if isinstance(hop, SipUri) else f"flow {hop.remote}"


@pytest.mark.parametrize(
    ("contact", "expected"),
    [
        ("<sip:peer@10.0.0.9>", "flow 10.0.0.9:5060"),
        ("<sip:peer@10.0.0.9:5060>", "flow 10.0.0.9:5060"),
        ("<sip:peer@10.0.0.9:5080>", "sip:peer@10.0.0.9:5080"),
        ("<sip:peer@10.0.0.9;transport=tcp>", "sip:peer@10.0.0.9;transport=tcp"),
        ("<sips:peer@10.0.0.9>", "sips:peer@10.0.0.9"),
        ("<sip:peer@192.168.1.7:5062>", "flow 10.0.0.9:5060"),
        ("<sip:peer@198.51.100.1>", "flow 10.0.0.9:5060"),
        ("<sip:peer@pbx.example.com>", "flow 10.0.0.9:5060"),
    ],
)
def test_udp_without_a_route_set(contact: str, expected: str) -> None:
    """A Contact that isn't where packets come from can't be trusted; one that is decides on port and
    transport.
    """
    bench = Bench()
    bench.call_from_peer(contact=contact)
    assert next_hop(bench) == expected


def test_udp_with_a_route_set() -> None:
    """The first route, whatever the source."""
    bench = Bench()
    bench.call_from_peer(
        headers=(("Record-Route", "<sip:proxy.example.com;lr>"),), contact="<sip:x@192.168.1.7>"
    )
    assert next_hop(bench) == "sip:proxy.example.com;lr"


def test_peer_behind_nat_hangs_on() -> None:
    """Requests reach a peer whose Contact is private, and follow it when the NAT gives it another port."""
    bench = Bench(public=Address("203.0.113.5", 40000))
    bench.call_from_peer(contact="<sip:peer@10.0.0.9:5060>")
    assert next_hop(bench) == "flow 203.0.113.5:40000"
    bench.network.remove(bench.peer.host)
    bench.peer.host = bench.network.host("10.0.0.9", public=Address("203.0.113.5", 41000))
    bench.peer.host.receiver = bench.peer
    bench.within("INFO")
    bench.phone.the_usage.bye()
    bench.settle()
    assert bench.peer.summaries[-1] == "BYE"


def test_called_peer_behind_nat() -> None:
    """Also when it was we who called, and reached it at another address than its Contact's."""
    bench = Bench()
    bench.call_to_peer(contact="<sip:peer@192.168.1.7:5062>")
    assert next_hop(bench) == "flow 10.0.0.9:5060"
    assert "ACK" in bench.peer.summaries


def peer_stream(bench: Bench) -> StreamFlow:
    """The peer's end of its one connection."""
    return next(iter(bench.peer.host.streams.values()))


@pytest.mark.parametrize(
    ("transport", "headers", "expected"),
    [
        (Transport.TCP, (), "sip:peer@192.168.1.7:5062;transport=tcp"),
        (Transport.TLS, (), "sip:peer@192.168.1.7:5062;transport=tls"),
        (
            Transport.TLS,
            (("Record-Route", "<sip:proxy.example.com;lr>"),),
            "sip:proxy.example.com;lr;transport=tls",
        ),
    ],
)
def test_stream_is_used_while_it_is_open(
    transport: Transport, headers: tuple[tuple[str, str], ...], expected: str
) -> None:
    """A request follows the connection that the peer was last heard on; after TLS nothing else will do."""
    bench = Bench(transport=transport)
    bench.call_from_peer(headers=headers, contact="<sip:peer@192.168.1.7:5062;transport=tcp>")
    assert next_hop(bench) == "flow 10.0.0.9:5060"
    peer_stream(bench).close()
    bench.settle()
    assert next_hop(bench) == expected


def test_stream_is_used_with_a_route_set_too() -> None:
    """The proxy on top of the route set is at the other end of it."""
    bench = Bench(transport=Transport.TCP)
    bench.call_from_peer(headers=(("Record-Route", "<sip:proxy.example.com;transport=tcp;lr>"),))
    assert next_hop(bench) == "flow 10.0.0.9:5060"


def test_new_connection_of_the_peer_takes_over() -> None:
    """A peer that reconnects and says something is reached over its new connection."""
    bench = Bench(transport=Transport.TCP)
    bench.call_from_peer()
    old = bench.phone.the_usage.dialog.flow
    peer_stream(bench).close()
    bench.settle()
    bench.within("INFO")
    flow = bench.phone.the_usage.dialog.flow
    assert flow is not None
    assert flow is not old
    assert not flow.closed


def test_out_of_order_request_moves_nothing() -> None:
    """Only a request that is accepted as the peer's may move the flow."""
    bench = Bench()
    bench.call_from_peer()
    stranger = Phone(bench.network, "10.0.0.66")
    flow: Flow = bench.phone.host.flow_to(Target(Transport.UDP, stranger.host.address))
    bench.network.remove(bench.peer.host)
    bench.peer.host = stranger.host
    bench.peer.host.receiver = bench.peer
    bench.within("INFO", cseq=1)
    assert bench.phone.the_usage.dialog.flow is not flow
