"""RFC 3261 §17.1.2, Figure 6, every state against every input."""

from itertools import product

import pytest

from tests.unit.sip.transactions.fakes import BRANCH, FAILURE, VIA, Log, answer, led, named, on_the_wire
from trunkline.sip.ports import Transport
from trunkline.sip.timers import TimerValues
from trunkline.sip.transactions.non_invite_client import NonInviteClientState, NonInviteClientTransaction

TRYING = NonInviteClientState.TRYING
PROCEEDING = NonInviteClientState.PROCEEDING
COMPLETED = NonInviteClientState.COMPLETED
TERMINATED = NonInviteClientState.TERMINATED

WAY_TO: dict[NonInviteClientState, list[int | str]] = {
    TRYING: [],
    PROCEEDING: [100],
    COMPLETED: [200],
    TERMINATED: ["failure"],
}
INPUTS: list[int | str] = [100, 180, 200, 302, 404, 503, 603, "T1", "T4", "64*T1", "failure"]

TABLE: dict[tuple[NonInviteClientState, int | str], tuple[list[str], NonInviteClientState]] = {
    (TRYING, 100): (["pass up 100"], PROCEEDING),
    (TRYING, 180): (["pass up 180"], PROCEEDING),
    (TRYING, 200): (["pass up 200"], COMPLETED),
    (TRYING, 302): (["pass up 302"], COMPLETED),
    (TRYING, 404): (["pass up 404"], COMPLETED),
    (TRYING, 503): (["pass up 503"], COMPLETED),
    (TRYING, 603): (["pass up 603"], COMPLETED),
    (TRYING, "T1"): (["send OPTIONS"], TRYING),
    (TRYING, "T4"): (["send OPTIONS"] * 3, TRYING),
    (TRYING, "64*T1"): (["send OPTIONS"] * 10 + ["forget", "timed out"], TERMINATED),
    (TRYING, "failure"): (["forget", "failed"], TERMINATED),
    (PROCEEDING, 100): (["pass up 100"], PROCEEDING),
    (PROCEEDING, 180): (["pass up 180"], PROCEEDING),
    (PROCEEDING, 200): (["pass up 200"], COMPLETED),
    (PROCEEDING, 302): (["pass up 302"], COMPLETED),
    (PROCEEDING, 404): (["pass up 404"], COMPLETED),
    (PROCEEDING, 503): (["pass up 503"], COMPLETED),
    (PROCEEDING, 603): (["pass up 603"], COMPLETED),
    (PROCEEDING, "T1"): (["send OPTIONS"], PROCEEDING),
    (PROCEEDING, "T4"): (["send OPTIONS"] * 2, PROCEEDING),
    (PROCEEDING, "64*T1"): (["send OPTIONS"] * 8 + ["forget", "timed out"], TERMINATED),
    (PROCEEDING, "failure"): (["forget", "failed"], TERMINATED),
    (COMPLETED, 100): ([], COMPLETED),
    (COMPLETED, 180): ([], COMPLETED),
    (COMPLETED, 200): ([], COMPLETED),
    (COMPLETED, 302): ([], COMPLETED),
    (COMPLETED, 404): ([], COMPLETED),
    (COMPLETED, 503): ([], COMPLETED),
    (COMPLETED, 603): ([], COMPLETED),
    (COMPLETED, "T1"): ([], COMPLETED),
    (COMPLETED, "T4"): (["forget"], TERMINATED),
    (COMPLETED, "64*T1"): (["forget"], TERMINATED),
    (COMPLETED, "failure"): ([], COMPLETED),
    **{(TERMINATED, input_): ([], TERMINATED) for input_ in INPUTS},
}


class Machine:
    """A non-INVITE client transaction and what it did."""

    def __init__(self, transport: Transport = Transport.UDP, timers: TimerValues | None = None) -> None:
        self.log = Log(timers)
        request, self.data, self.flow = on_the_wire("OPTIONS", transport)
        self.transaction = NonInviteClientTransaction(
            self.log, self.log, request, VIA, BRANCH, self.data, self.flow
        )
        self.transaction.start()

    def feed(self, input_: int | str) -> None:
        timers = self.log.timers
        if isinstance(input_, int):
            self.transaction.receive(answer(self.data, input_))
        elif input_ == "failure":
            self.transaction.fail(FAILURE)
        else:
            self.log.clock.advance({"T1": timers.t1, "T4": timers.t4, "64*T1": timers.timeout_s}[input_])


def in_state(state: NonInviteClientState) -> Machine:
    return led(Machine(), WAY_TO[state], state)


def test_table_accounts_for_every_state_and_input() -> None:
    assert set(TABLE) == set(product(NonInviteClientState, INPUTS))


@pytest.mark.parametrize(("state", "input_"), TABLE, ids=named)
def test_transition(state: NonInviteClientState, input_: int | str) -> None:
    machine = in_state(state)
    machine.feed(input_)
    assert (machine.log.take(), machine.transaction.state) == TABLE[state, input_]


def test_timer_e_doubles_up_to_t2() -> None:
    machine = Machine()
    machine.log.clock.advance(31.9)
    assert machine.log.sent_at == [0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert set(machine.log.sent) == {machine.data}


def test_timer_e_goes_on_at_t2_in_proceeding() -> None:
    machine = Machine()
    machine.log.clock.advance(0.7)
    machine.feed(100)
    machine.log.clock.advance(31)
    assert machine.log.sent_at == [0, 0.5, 1.5, 5.5, 9.5, 13.5, 17.5, 21.5, 25.5, 29.5]


@pytest.mark.parametrize("transport", [Transport.TCP, Transport.TLS])
def test_timer_e_stays_unarmed_on_reliable_transports(transport: Transport) -> None:
    machine = Machine(transport)
    machine.log.clock.advance(31.9)
    assert machine.log.sent_at == [0]


@pytest.mark.parametrize("transport", list(Transport))
@pytest.mark.parametrize("provisional", [False, True])
def test_timer_f_fires_after_64_t1_in_either_state(transport: Transport, provisional: bool) -> None:
    machine = Machine(transport)
    if provisional:
        machine.feed(100)
    machine.log.clock.advance(31.999)
    machine.log.take()
    machine.log.clock.advance(0.001)
    assert machine.log.take() == ["forget", "timed out"]


def test_timer_k_is_t4_on_unreliable_transports() -> None:
    machine = Machine()
    machine.feed(200)
    machine.log.clock.advance(4.999)
    assert machine.transaction.state is COMPLETED
    machine.log.clock.advance(0.001)
    assert machine.transaction.state is TERMINATED


@pytest.mark.parametrize("transport", [Transport.TCP, Transport.TLS])
def test_timer_k_is_zero_on_reliable_transports(transport: Transport) -> None:
    machine = Machine(transport)
    machine.log.take()
    machine.feed(404)
    assert machine.log.take() == ["forget", "pass up 404"]
    assert len(machine.log.clock) == 0


def test_other_values_of_t1_and_t2() -> None:
    machine = Machine(timers=TimerValues(t1=0.25, t2=1.0))
    machine.log.clock.advance(4)
    assert machine.log.sent_at == [0, 0.25, 0.75, 1.75, 2.75, 3.75]
    machine.log.clock.advance(12)
    assert machine.log.take()[-1] == "timed out"
