"""Flows of one node that another one uses: what goes out, what comes back, and how they fail."""

from dataclasses import dataclass, field

import pytest

from tests.unit.virtual_clock import FakeClock
from trunkline.live.post import PostOffice
from trunkline.live.words import Answer
from trunkline.node import lent_flows
from trunkline.node.lent_flows import LentFlows
from trunkline.sip.failures import FlowFailure
from trunkline.sip.ports import Address, Flow, Transport

SENT_BY = Address("a.example", 5060)
DEVICE = Address("192.0.2.7", 40000)
RESPONSE = b"SIP/2.0 200 OK\r\nVia: SIP/2.0/TCP b.example:5060;branch=z9hG4bKx\r\nVia: SIP/2.0/UDP z\r\n\r\n"
BYE = b"BYE sip:1234@B.example:5060;transport=tcp SIP/2.0\r\nVia: SIP/2.0/TCP 10.0.0.1\r\n\r\n"


@dataclass(eq=False)
class Wire:
    """A connection to a device."""

    remote: Address = DEVICE
    transport: Transport = Transport.TCP
    sent_by: Address = SENT_BY
    closed: bool = False
    sent: list[bytes] = field(default_factory=list)

    def send(self, data: bytes) -> None:
        self.sent.append(data)


class Side:
    """One node."""

    def __init__(self, name: str, clock: FakeClock) -> None:
        self.name = name
        self.clock = clock
        self.post = PostOffice(lambda: None)
        self.post.joined()
        self.heard: list[tuple[bytes, Flow]] = []
        self.failed: list[tuple[Flow, FlowFailure]] = []
        self.tokens = iter(range(1, 100))
        self.flows = LentFlows(
            self.post,
            clock,
            node=name,
            token=lambda: f"{name}{next(self.tokens):015x}",
            received=lambda data, flow: self.heard.append((data, flow)),
            failed=lambda flow, failure: self.failed.append((flow, failure)),
        )
        self.flows.advertised = {Transport.TCP: Address(f"{name}.example", 5060)}


class Town:
    """Two nodes, a and b, and the post between them."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.a, self.b = self.sides = [Side(name, self.clock) for name in "ab"]

    def deliver(self) -> None:
        for _ in range(4):
            for side in self.sides:
                posts = side.post.sayings()
                for one in posts:
                    for other in self.sides:
                        if other.name == one.node:
                            other.post.received(one.text)
                known = {other.name for other in self.sides}
                side.post.answered([Answer("sent" if one.node in known else "nobody", None) for one in posts])
            self.clock.advance(0)


def test_there_and_back() -> None:
    town = Town()
    wire = Wire()
    flow = town.b.flows.borrow("a", town.a.flows.lend(wire), Transport.TCP, DEVICE)
    assert flow is not None
    assert (flow.remote, flow.transport, flow.sent_by) == (DEVICE, Transport.TCP, Address("b.example", 5060))
    town.a.flows.received(RESPONSE, wire)
    assert len(town.a.heard) == 1, "nobody has borrowed it yet"
    flow.send(b"INVITE \xff")
    town.deliver()
    assert wire.sent == [b"INVITE \xff"]
    for message in (RESPONSE, BYE):
        town.a.flows.received(message, wire)
    town.deliver()
    assert town.b.heard == [(RESPONSE, flow), (BYE, flow)]
    own = RESPONSE.replace(b"b.example", b"a.example")
    town.a.flows.received(own, wire)
    town.a.flows.received(RESPONSE, Wire(Address("192.0.2.8", 1)))
    assert [data for data, _ in town.a.heard[1:]] == [own, RESPONSE], "its own, and what came on another flow"


def test_a_flow_keeps_its_token_until_it_is_closed() -> None:
    town = Town()
    wire = Wire()
    token = town.a.flows.lend(wire)
    assert town.a.flows.lend(wire) == token
    flow = town.b.flows.borrow("a", token, Transport.TCP, DEVICE)
    assert town.b.flows.borrow("a", token, Transport.TCP, DEVICE) is flow
    town.a.flows.closed(Wire())
    assert town.a.flows.lend(wire) == token, "another connection was closed"
    town.a.flows.closed(wire)
    assert flow is not None
    flow.send(b"INVITE")
    town.deliver()
    assert (wire.sent, flow.closed) == ([], True)
    ((failed, failure),) = town.b.failed
    assert (failed, failure.detail) == (flow, "node a has lost it")
    flow.send(b"INVITE")
    town.deliver()
    assert len(town.b.failed) == 1


def test_a_holder_that_is_gone() -> None:
    town = Town()
    flow = town.b.flows.borrow("dead", "token", Transport.TCP, DEVICE)
    assert flow is not None
    flow.send(b"INVITE")
    assert not town.b.failed
    town.deliver()
    assert town.b.failed[0][1].detail == "node dead can't be reached"


def test_without_the_server_it_fails_at_once() -> None:
    town = Town()
    flow = town.b.flows.borrow("a", town.a.flows.lend(Wire()), Transport.TCP, DEVICE)
    assert flow is not None
    town.b.post.lost()
    flow.send(b"INVITE")
    town.clock.advance(0)
    assert town.b.failed


def test_a_node_without_such_a_transport_can_t_borrow() -> None:
    assert Town().b.flows.borrow("a", "token", Transport.TLS, DEVICE) is None


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '["send", "a"]', '["came", "a", "t", "%"]', '["gone", 1, 2]']
)
def test_a_letter_that_can_t_be_read(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        Town().a.post.received(text)


def test_what_is_lent_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lent_flows, "LENT_MAX", 2)
    monkeypatch.setattr(lent_flows, "BORROWERS_MAX", 1)
    town = Town()
    wires = [Wire(Address("192.0.2.7", port)) for port in (1, 2, 3)]
    tokens = [town.a.flows.lend(wire) for wire in wires]
    flows = [town.b.flows.borrow("a", token, Transport.TCP, DEVICE) for token in tokens]
    for flow in flows:
        assert flow is not None
        flow.send(b"x")
    town.deliver()
    assert [wire.sent for wire in wires] == [[], [b"x"], [b"x"]]
