"""RFC 3261 §17.2.2, Figure 8, and RFC 4320 §4, every state against every input."""

from itertools import product

import pytest

from tests.unit.sip.fake_wire import FakeFlow, incoming
from tests.unit.sip.transactions.fakes import Log, led, named
from trunkline.sip.message import Request, response_to
from trunkline.sip.parse import parse_message
from trunkline.sip.ports import Transport
from trunkline.sip.timers import TimerValues
from trunkline.sip.transactions.non_invite_server import NonInviteServerState, NonInviteServerTransaction

TRYING = NonInviteServerState.TRYING
PROCEEDING = NonInviteServerState.PROCEEDING
COMPLETED = NonInviteServerState.COMPLETED
TERMINATED = NonInviteServerState.TERMINATED

WAY_TO: dict[NonInviteServerState, list[int | str]] = {
    TRYING: [],
    PROCEEDING: [100],
    COMPLETED: [200],
    TERMINATED: [200, "64*T1"],
}
INPUTS: list[int | str] = [100, 180, 200, 302, 404, 503, 603, "request", "T1", "3.5 s", "64*T1"]

TABLE: dict[tuple[NonInviteServerState, int | str], tuple[list[str], NonInviteServerState]] = {
    (TRYING, 100): (["send 100"], PROCEEDING),
    (TRYING, 180): ([], TRYING),
    (TRYING, 200): (["send 200"], COMPLETED),
    (TRYING, 302): (["send 302", "rejected"], COMPLETED),
    (TRYING, 404): (["send 404", "rejected"], COMPLETED),
    (TRYING, 503): (["send 503", "rejected"], COMPLETED),
    (TRYING, 603): (["send 603", "rejected"], COMPLETED),
    (TRYING, "request"): ([], TRYING),
    (TRYING, "T1"): ([], TRYING),
    (TRYING, "3.5 s"): (["send 100"], PROCEEDING),
    (TRYING, "64*T1"): (["send 100", "forget"], TERMINATED),
    (PROCEEDING, 100): (["send 100"], PROCEEDING),
    (PROCEEDING, 180): ([], PROCEEDING),
    (PROCEEDING, 200): (["send 200"], COMPLETED),
    (PROCEEDING, 302): (["send 302", "rejected"], COMPLETED),
    (PROCEEDING, 404): (["send 404", "rejected"], COMPLETED),
    (PROCEEDING, 503): (["send 503", "rejected"], COMPLETED),
    (PROCEEDING, 603): (["send 603", "rejected"], COMPLETED),
    (PROCEEDING, "request"): (["send 100"], PROCEEDING),
    (PROCEEDING, "T1"): ([], PROCEEDING),
    (PROCEEDING, "3.5 s"): ([], PROCEEDING),
    (PROCEEDING, "64*T1"): (["forget"], TERMINATED),
    (COMPLETED, 100): ([], COMPLETED),
    (COMPLETED, 180): ([], COMPLETED),
    (COMPLETED, 200): ([], COMPLETED),
    (COMPLETED, 302): ([], COMPLETED),
    (COMPLETED, 404): ([], COMPLETED),
    (COMPLETED, 503): ([], COMPLETED),
    (COMPLETED, 603): ([], COMPLETED),
    (COMPLETED, "request"): (["send 200"], COMPLETED),
    (COMPLETED, "T1"): ([], COMPLETED),
    (COMPLETED, "3.5 s"): ([], COMPLETED),
    (COMPLETED, "64*T1"): (["forget"], TERMINATED),
    **{(TERMINATED, input_): ([], TERMINATED) for input_ in INPUTS},
}


class Machine:
    """A non-INVITE server transaction and what it did; the user has it and has not answered."""

    def __init__(self, transport: Transport = Transport.UDP, timers: TimerValues | None = None) -> None:
        self.log = Log(timers)
        request = parse_message(incoming("OPTIONS"))
        assert isinstance(request, Request)
        self.request = request
        self.transaction = NonInviteServerTransaction(self.log, request, FakeFlow(transport), "key")
        self.transaction.await_user()

    def feed(self, input_: int | str) -> None:
        timers = self.log.timers
        if isinstance(input_, int):
            self.transaction.respond(response_to(self.request, input_))
        elif input_ == "request":
            self.transaction.receive_again()
        else:
            self.log.clock.advance({"T1": timers.t1, "3.5 s": 3.5, "64*T1": timers.timeout_s}[input_])


def in_state(state: NonInviteServerState) -> Machine:
    return led(Machine(), WAY_TO[state], state)


def test_table_accounts_for_every_state_and_input() -> None:
    assert set(TABLE) == set(product(NonInviteServerState, INPUTS))


@pytest.mark.parametrize(("state", "input_"), TABLE, ids=named)
def test_transition(state: NonInviteServerState, input_: int | str) -> None:
    machine = in_state(state)
    machine.feed(input_)
    assert (machine.log.take(), machine.transaction.state) == TABLE[state, input_]


def test_timer_j_is_64_t1_on_unreliable_transports() -> None:
    machine = in_state(COMPLETED)
    machine.log.clock.advance(31.999)
    assert machine.transaction.state is COMPLETED
    machine.log.clock.advance(0.001)
    assert machine.transaction.state is TERMINATED


@pytest.mark.parametrize("transport", [Transport.TCP, Transport.TLS])
def test_timer_j_is_zero_on_reliable_transports(transport: Transport) -> None:
    machine = Machine(transport)
    machine.feed(200)
    assert machine.log.take() == ["send 200", "forget"]
    assert len(machine.log.clock) == 0


def test_a_repeated_request_gets_the_same_bytes() -> None:
    machine = Machine()
    for input_ in (404, "request", "request"):
        machine.feed(input_)
    assert len(machine.log.sent) == 3
    assert len({id(data) for data in machine.log.sent}) == 1


def test_the_100_of_rfc_4320_comes_when_timer_e_reaches_t2() -> None:
    machine = Machine(timers=TimerValues(t1=0.25, t2=1.0))
    machine.log.clock.advance(0.749)
    assert machine.log.sent == []
    machine.log.clock.advance(0.001)
    assert machine.log.take() == ["send 100"]


def test_a_request_that_nobody_answers_ends_without_a_final_response() -> None:
    machine = Machine()
    machine.log.clock.advance(32)
    assert machine.transaction.state is TERMINATED
    assert machine.log.take() == ["send 100", "forget"]
    assert len(machine.log.clock) == 0


def test_final_sent() -> None:
    machine = Machine()
    assert not machine.transaction.final_sent
    machine.feed(100)
    assert not machine.transaction.final_sent
    machine.feed(404)
    assert machine.transaction.final_sent
