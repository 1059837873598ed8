"""A device that registers at one node is known at the other, until it goes or registers elsewhere."""

from collections.abc import Sequence

import pytest

from tests.unit.node.test_lent_flows import Wire
from tests.unit.virtual_clock import FakeClock
from trunkline.live.board import Board
from trunkline.live.post import PostOffice
from trunkline.live.words import Notice, Tell
from trunkline.node.lent_flows import BorrowedFlow, LentFlows
from trunkline.node.shared_registrations import KIND, SharedRegistrations
from trunkline.sip.ports import Address, Flow, Transport
from trunkline.sip.uri import SipUri
from trunkline.trunk.registrations import Binding, Contact, Registrations

KEY = "acme"
CONTACT = Contact(SipUri.parse("sip:1234@10.0.0.1;transport=tcp"))


class Node:
    """One node's registrations, and what it would write down."""

    def __init__(self, name: str, clock: FakeClock) -> None:
        self.clock = clock
        self.written: list[tuple[str, int]] = []
        self.board = Board(lambda: None)
        self.board.joined()
        self.registrations = Registrations(clock)
        tokens = iter(range(1, 1000))
        self.flows = LentFlows(
            PostOffice(lambda: None),
            clock,
            node=name,
            token=lambda: f"{name}{next(tokens):015x}",
            received=lambda data, flow: None,
            failed=lambda flow, failure: None,
        )
        self.flows.advertised = {
            Transport.TCP: Address(name, 5060),
            Transport.TLS: Address(name, 5061),
        }
        self.shared = SharedRegistrations(self.board, self.flows, self.registrations, self, clock, name)
        self.cseq = 0

    def bindings_changed(self, account: str, bindings: tuple[Binding, ...]) -> None:
        self.written.append((account, len(bindings)))

    def register(
        self,
        flow: Flow | None,
        expires_s: int = 600,
        contact: Contact = CONTACT,
        path: tuple[str, ...] = (),
        *,
        source: str = "TCP d",
        fronted: bool = False,
        secret: str = "",
    ) -> None:
        self.cseq += 1
        bindings = self.registrations.register(
            KEY,
            call_id="c",
            cseq=self.cseq,
            contacts=[contact],
            expires_s=expires_s,
            flow=flow,
            source=source,
            path=path,
            fronted=fronted,
            secret=secret,
        )
        assert isinstance(bindings, tuple)
        self.shared.bindings_changed(KEY, bindings)

    @property
    def flow(self) -> object:
        """Of the only device."""
        (binding,) = self.registrations.bindings(KEY)
        return binding.flow


class Town:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.a, self.b = Node("a", self.clock), Node("b", self.clock)

    def carry(self, sender: Node, receiver: Node) -> list[Tell]:
        told = sender.board.sayings()
        receiver.board.hear(Notice(one.kind, one.key, one.text, one.for_s) for one in told)
        sender.board.said()
        return told


@pytest.fixture
def town() -> Town:
    return Town()


def test_one_behind_a_front_is_reached_by_its_path_from_anywhere(town: Town) -> None:
    path = ("<sip:x@front.example;lr>",)
    town.a.register(None, path=path, fronted=True)
    assert len(town.carry(town.a, town.b)) == 1
    (there,) = town.b.registrations.bindings(KEY)
    assert (there.path, there.flow, there.fronted) == (path, None, True)
    town.b.shared.bindings_changed(KEY, (there,))
    assert (town.b.written, town.b.board.has_more) == ([], False), (
        "it is the other's to tell and to write down"
    )
    town.b.cseq = 1
    town.b.register(None, path=path)
    assert town.b.written == [(KEY, 1)]
    town.carry(town.b, town.a)
    town.a.shared.bindings_changed(KEY, town.a.registrations.bindings(KEY))
    assert town.a.written[-1] == (KEY, 0), "it has moved"
    town.b.register(None, expires_s=0, path=path)
    town.carry(town.b, town.a)
    assert town.a.registrations.bindings(KEY) == ()


def test_it_is_known_elsewhere_for_as_long(town: Town) -> None:
    town.a.register(Wire())
    assert len(town.carry(town.a, town.b)) == 1
    flow = town.b.flow
    assert isinstance(flow, BorrowedFlow)
    assert (flow.holder, flow.remote) == ("a", Wire().remote)
    (binding,) = town.b.registrations.bindings(KEY)
    assert (binding.uri, binding.source, binding.cseq) == (CONTACT.uri, "TCP d", 1)
    assert town.b.written == [], "it is written down where it registered"
    assert not town.b.board.has_more
    town.clock.advance(601)
    assert town.b.registrations.bindings(KEY) == ()


@pytest.mark.parametrize(("over", "fronted"), [(Transport.TLS, False), (Transport.TCP, True)])
def test_one_that_registered_over_tls_is_sought_by_tls_once_its_node_has_died(
    town: Town, over: Transport, *, fronted: bool
) -> None:
    """Also where a front had the TLS, and its own way to that node was another."""
    town.a.register(Wire(transport=over), source="TLS d", fronted=fronted)
    town.carry(town.a, town.b)
    (binding,) = town.b.registrations.bindings(KEY)
    flow = binding.flow
    assert isinstance(flow, BorrowedFlow)
    assert binding.next_hop is flow
    flow.closed = True
    assert str(binding.next_hop) == "sip:1234@10.0.0.1;transport=tls"


def test_one_that_goes_is_gone_everywhere(town: Town) -> None:
    town.a.register(Wire())
    town.carry(town.a, town.b)
    town.a.register(Wire(), expires_s=0)
    town.carry(town.a, town.b)
    assert town.b.registrations.bindings(KEY) == ()
    assert town.a.written[-1] == (KEY, 0)


def test_one_that_moves(town: Town) -> None:
    """The newest counts, and who had it lets it go without taking it back."""
    town.a.register(Wire())
    town.carry(town.a, town.b)
    wire = Wire(Address("192.0.2.7", 40001))
    town.b.cseq = 1
    town.b.register(wire)
    assert town.b.flow is wire
    town.carry(town.b, town.a)
    flow = town.a.flow
    assert isinstance(flow, BorrowedFlow)
    assert flow.holder == "b"
    assert town.a.written[-1] == (KEY, 0)
    assert not town.a.board.has_more


def test_devices_of_one_account_at_two_nodes(town: Town) -> None:
    town.a.register(Wire())
    town.b.register(Wire(Address("192.0.2.8", 5)), contact=Contact(SipUri.parse("sip:5678@10.0.0.2")))
    town.carry(town.a, town.b)
    town.carry(town.b, town.a)
    for node in (town.a, town.b):
        assert len(node.registrations.bindings(KEY)) == 2
        assert node.written[-1] == (KEY, 1)


def test_a_refresh_is_told(town: Town) -> None:
    wire = Wire()
    town.a.register(wire)
    town.carry(town.a, town.b)
    first = town.b.flow
    town.clock.advance(500)
    town.a.register(wire)
    town.carry(town.a, town.b)
    assert town.b.flow is first
    (binding,) = town.b.registrations.bindings(KEY)
    assert binding.remaining_s(town.clock.now()) == 600


def kept(told: Sequence[Tell]) -> list[Notice]:
    return [Notice(one.kind, one.key, one.text, one.for_s) for one in told]


def test_a_node_that_comes_back_says_what_it_has_and_takes_back_what_it_has_not(town: Town) -> None:
    town.a.register(Wire())
    town.a.register(Wire(), contact=Contact(SipUri.parse("sip:5678@10.0.0.2")))
    old = kept(town.a.board.sayings())
    again = Node("a", town.clock)
    again.register(Wire())
    again.board.sayings()
    again.board.said()
    again.board.hear(old)
    assert len(again.registrations.bindings(KEY)) == 1, "its own of before are not another's"
    again.board.reconcile(KIND, {one.key for one in old}, fresh=True)
    assert sorted(bool(one.for_s) for one in again.board.sayings()) == [False, True]


def test_what_another_node_has_taken_back_meanwhile_goes(town: Town) -> None:
    town.a.register(Wire())
    town.carry(town.a, town.b)
    town.b.board.reconcile(KIND, set(), fresh=True)
    assert town.b.registrations.bindings(KEY), "a server that lost all knows no better"
    town.b.board.reconcile(KIND, set(), fresh=False)
    assert town.b.registrations.bindings(KEY) == ()


def test_one_that_cannot_be_reached_from_here_is_not_taken_over(town: Town) -> None:
    town.b.flows.advertised = {Transport.UDP: Address("b", 5060)}
    town.a.register(Wire())
    town.carry(town.a, town.b)
    assert town.b.registrations.bindings(KEY) == ()


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"node": "a", "host": "h", "port": "x"}'])
def test_a_poisoned_binding(town: Town, text: str) -> None:
    town.b.board.hear([Notice(KIND, f"{KEY} x", text, 60.0)])
    assert town.b.registrations.bindings(KEY) == ()


def test_each_node_lets_go_who_has_a_revoked_secret_and_speaks_of_its_own_alone(town: Town) -> None:
    path = ("<sip:x@front.example;lr>",)
    town.a.register(None, path=path, secret="1")
    town.carry(town.a, town.b)
    town.b.registrations.keep(KEY, {"1": town.clock.now() + 60.0, "2": None})
    (there,) = town.b.registrations.bindings(KEY)
    assert there.remaining_s(town.clock.now()) == 60
    town.b.shared.bindings_changed(KEY, (there,))
    assert (town.b.written, town.b.board.has_more) == ([], False)
    for node in (town.a, town.b):
        node.registrations.keep(KEY, {"2": None})
        node.shared.bindings_changed(KEY, node.registrations.bindings(KEY))
    assert town.carry(town.b, town.a) == []
    assert [one.for_s for one in town.carry(town.a, town.b)] == [0]
