"""§17 as a whole: two stacks, a network that loses, repeats and reorders, and one outcome at both ends."""

import random
from collections.abc import Callable

import pytest

from tests.unit.sip.fake_wire import FakeConnector, FakeEvents, FakeFlow, FakeLocator, FakeUser, outgoing
from tests.unit.virtual_clock import FakeClock
from trunkline.sip.message import Request, response_to
from trunkline.sip.ports import Address, Target, Transport
from trunkline.sip.stack import ServerTransaction, SipStack

CALLER, CALLEE = Address("192.0.2.1", 5060), Address("192.0.2.2", 5060)


class LossyFlow(FakeFlow):
    """A datagram path from one stack to the other, as bad as `weather` decides."""

    def __init__(self, network: "Network", here: Address, there: Address) -> None:
        super().__init__(Transport.UDP, there, here)
        self._network = network

    def send(self, data: bytes) -> None:
        self._network.carry(data, self.sent_by, self.remote)


class Network:
    """A caller and a callee, and the weather between them."""

    def __init__(self, seed: int, loss: float) -> None:
        self.clock = FakeClock()
        self._weather = random.Random(seed)
        self._loss = loss
        self.user = FakeUser()
        self.stacks = {CALLER: self._stack(CALLER, FakeUser()), CALLEE: self._stack(CALLEE, self.user)}

    def _stack(self, here: Address, user: FakeUser) -> SipStack:
        connector = FakeConnector()
        connector.flow_to = lambda target: LossyFlow(self, here, target.address)  # type: ignore[method-assign]
        return SipStack(
            clock=self.clock,
            connector=connector,
            locator=FakeLocator(),
            token=lambda: f"{self._weather.getrandbits(64):x}",
            user=user,
            secret=str(here).encode(),
            product="Trunkline",
        )

    def carry(self, data: bytes, source: Address, destination: Address) -> None:
        copies = 0 if self._weather.random() < self._loss else 2 if self._weather.random() < 0.1 else 1
        for _ in range(copies):
            delay = self._weather.uniform(0.001, 0.3)
            self.clock.at(self.clock.now() + delay, self._arrival(data, source, destination))

    def _arrival(self, data: bytes, source: Address, destination: Address) -> Callable[[], None]:
        flow = LossyFlow(self, destination, source)
        return lambda: self.stacks[destination].received(data, flow)

    def send(self, request: Request, events: FakeEvents) -> None:
        self.stacks[CALLER].request(request, Target(Transport.UDP, CALLEE), events)

    @property
    def idle(self) -> bool:
        return all(not (s.client_transactions or s.server_transactions) for s in self.stacks.values())


def answer_once_with(*statuses: int) -> Callable[[Request, ServerTransaction], None]:
    def answer(request: Request, transaction: ServerTransaction) -> None:
        for status in statuses:
            transaction.respond(response_to(request, status))

    return answer


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize(
    ("method", "statuses"),
    [("INVITE", (100, 180, 486)), ("INVITE", (603,)), ("OPTIONS", (200,)), ("BYE", (481,))],
)
def test_exactly_one_final_response_arrives_at_20_percent_loss(
    seed: int, method: str, statuses: tuple[int, ...]
) -> None:
    network = Network(seed, 0.2)
    network.user.answering = answer_once_with(*statuses)
    events = FakeEvents()
    network.send(outgoing(method), events)
    network.clock.run_out()
    finals = [status for status in events.statuses if status >= 200]
    assert finals == [statuses[-1]]
    assert len(network.user.requests) == 1
    assert network.user.acks == []
    assert network.idle
    assert len(network.clock) == 0


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("method", ["INVITE", "OPTIONS"])
def test_a_dead_network_is_reported_once(seed: int, method: str) -> None:
    network = Network(seed, 1.0)
    events = FakeEvents()
    network.send(outgoing(method), events)
    network.clock.run_out()
    assert [failure.kind for failure in events.failures] == ["no-response"]
    assert events.responses == []
    assert network.idle


@pytest.mark.parametrize("seed", range(40))
def test_a_2xx_that_the_core_repeats_arrives_and_every_copy_is_passed_up(seed: int) -> None:
    network = Network(seed, 0.3)
    events = FakeEvents()

    def accept_until_acknowledged(request: Request, transaction: ServerTransaction) -> None:
        response = response_to(request, 200)
        first = network.clock.now()
        for delay in (0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5):
            network.clock.at(first + delay, lambda: transaction.respond(response))

    network.user.answering = accept_until_acknowledged
    network.send(outgoing(), events)
    network.clock.run_out()
    assert set(events.statuses) == {200}
    assert len({response.to_tag for response in events.responses}) == 1
    assert len(network.user.requests) == 1
    assert network.idle
