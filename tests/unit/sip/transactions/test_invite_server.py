"""RFC 3261 §17.2.1 and RFC 6026 Figure 7, every state against every input."""

from itertools import product

import pytest

from tests.unit.sip.fake_wire import FakeFlow, incoming
from tests.unit.sip.transactions.fakes import Log, led, named
from trunkline.sip.message import Request, response_to
from trunkline.sip.parse import parse_message
from trunkline.sip.ports import Transport
from trunkline.sip.timers import TimerValues
from trunkline.sip.transactions.invite_server import InviteServerState, InviteServerTransaction

PROCEEDING = InviteServerState.PROCEEDING
COMPLETED = InviteServerState.COMPLETED
CONFIRMED = InviteServerState.CONFIRMED
ACCEPTED = InviteServerState.ACCEPTED
TERMINATED = InviteServerState.TERMINATED

WAY_TO: dict[InviteServerState, list[int | str]] = {
    PROCEEDING: [180],
    COMPLETED: [486],
    CONFIRMED: [486, "ACK"],
    ACCEPTED: [200],
    TERMINATED: [486, "ACK", "T4"],
}
INPUTS: list[int | str] = [100, 180, 200, 302, 486, 503, 603, "INVITE", "ACK", "T1", "T4", "64*T1"]

TABLE: dict[tuple[InviteServerState, int | str], tuple[list[str], InviteServerState]] = {
    (PROCEEDING, 100): (["send 100"], PROCEEDING),
    (PROCEEDING, 180): (["send 180"], PROCEEDING),
    (PROCEEDING, 200): (["send 200"], ACCEPTED),
    (PROCEEDING, 302): (["send 302", "rejected"], COMPLETED),
    (PROCEEDING, 486): (["send 486", "rejected"], COMPLETED),
    (PROCEEDING, 503): (["send 503", "rejected"], COMPLETED),
    (PROCEEDING, 603): (["send 603", "rejected"], COMPLETED),
    (PROCEEDING, "INVITE"): (["send 180"], PROCEEDING),
    (PROCEEDING, "ACK"): ([], PROCEEDING),
    (PROCEEDING, "T1"): ([], PROCEEDING),
    (PROCEEDING, "T4"): ([], PROCEEDING),
    (PROCEEDING, "64*T1"): ([], PROCEEDING),
    (COMPLETED, 100): ([], COMPLETED),
    (COMPLETED, 180): ([], COMPLETED),
    (COMPLETED, 200): ([], COMPLETED),
    (COMPLETED, 302): ([], COMPLETED),
    (COMPLETED, 486): ([], COMPLETED),
    (COMPLETED, 503): ([], COMPLETED),
    (COMPLETED, 603): ([], COMPLETED),
    (COMPLETED, "INVITE"): (["send 486"], COMPLETED),
    (COMPLETED, "ACK"): ([], CONFIRMED),
    (COMPLETED, "T1"): (["send 486"], COMPLETED),
    (COMPLETED, "T4"): (["send 486"] * 3, COMPLETED),
    (COMPLETED, "64*T1"): (["send 486"] * 10 + ["forget"], TERMINATED),
    (CONFIRMED, 100): ([], CONFIRMED),
    (CONFIRMED, 180): ([], CONFIRMED),
    (CONFIRMED, 200): ([], CONFIRMED),
    (CONFIRMED, 302): ([], CONFIRMED),
    (CONFIRMED, 486): ([], CONFIRMED),
    (CONFIRMED, 503): ([], CONFIRMED),
    (CONFIRMED, 603): ([], CONFIRMED),
    (CONFIRMED, "INVITE"): ([], CONFIRMED),
    (CONFIRMED, "ACK"): ([], CONFIRMED),
    (CONFIRMED, "T1"): ([], CONFIRMED),
    (CONFIRMED, "T4"): (["forget"], TERMINATED),
    (CONFIRMED, "64*T1"): (["forget"], TERMINATED),
    (ACCEPTED, 100): ([], ACCEPTED),
    (ACCEPTED, 180): ([], ACCEPTED),
    (ACCEPTED, 200): (["send 200"], ACCEPTED),
    (ACCEPTED, 302): ([], ACCEPTED),
    (ACCEPTED, 486): ([], ACCEPTED),
    (ACCEPTED, 503): ([], ACCEPTED),
    (ACCEPTED, 603): ([], ACCEPTED),
    (ACCEPTED, "INVITE"): ([], ACCEPTED),
    (ACCEPTED, "ACK"): (["pass up ACK"], ACCEPTED),
    (ACCEPTED, "T1"): ([], ACCEPTED),
    (ACCEPTED, "T4"): ([], ACCEPTED),
    (ACCEPTED, "64*T1"): (["forget"], TERMINATED),
    **{(TERMINATED, input_): ([], TERMINATED) for input_ in INPUTS},
}


class Machine:
    """An INVITE server transaction and what it did."""

    def __init__(self, transport: Transport = Transport.UDP, timers: TimerValues | None = None) -> None:
        self.log = Log(timers)
        request = parse_message(incoming("INVITE"))
        assert isinstance(request, Request)
        self.request = request
        self.flow = FakeFlow(transport)
        self.transaction = InviteServerTransaction(self.log, request, self.flow, "key")

    def feed(self, input_: int | str) -> None:
        timers = self.log.timers
        if isinstance(input_, int):
            self.transaction.respond(response_to(self.request, input_))
        elif input_ == "INVITE":
            self.transaction.receive_again()
        elif input_ == "ACK":
            ack = parse_message(incoming("ACK", to_tag="fresh"))
            assert isinstance(ack, Request)
            self.transaction.receive_ack(ack, self.flow)
        else:
            self.log.clock.advance({"T1": timers.t1, "T4": timers.t4, "64*T1": timers.timeout_s}[input_])


def in_state(state: InviteServerState) -> Machine:
    return led(Machine(), WAY_TO[state], state)


def test_table_accounts_for_every_state_and_input() -> None:
    assert set(TABLE) == set(product(InviteServerState, INPUTS))


@pytest.mark.parametrize(("state", "input_"), TABLE, ids=named)
def test_transition(state: InviteServerState, input_: int | str) -> None:
    machine = in_state(state)
    machine.feed(input_)
    assert (machine.log.take(), machine.transaction.state) == TABLE[state, input_]


def test_a_silent_user_is_covered_by_a_100_after_200_ms() -> None:
    machine = Machine()
    machine.transaction.await_user()
    machine.log.clock.advance(0.199)
    assert machine.log.sent == []
    machine.log.clock.advance(0.002)
    assert machine.log.take() == ["send 100"]
    assert b"tag=fresh" not in machine.log.sent[0]
    machine.log.clock.advance(100)
    assert machine.log.take() == []


def test_a_user_who_answers_in_time_sends_no_100() -> None:
    machine = Machine()
    machine.transaction.await_user()
    machine.feed(180)
    machine.log.clock.advance(1)
    assert machine.log.take() == ["send 180"]
    machine.transaction.await_user()
    machine.log.clock.advance(1)
    assert machine.log.take() == []


def test_a_repeated_invite_before_any_response_is_absorbed() -> None:
    machine = Machine()
    machine.feed("INVITE")
    assert machine.log.take() == []


def test_a_repeated_invite_gets_the_last_provisional() -> None:
    machine = Machine()
    for input_ in (100, 180, 183, "INVITE"):
        machine.feed(input_)
    assert machine.log.take() == ["send 100", "send 180", "send 183", "send 183"]
    assert machine.log.sent[-1] is machine.log.sent[-2]


def test_timer_g_doubles_up_to_t2_until_timer_h() -> None:
    machine = Machine()
    machine.feed(404)
    machine.log.clock.advance(100)
    assert machine.log.sent_at == [0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert len(set(machine.log.sent)) == 1
    assert machine.transaction.state is TERMINATED


@pytest.mark.parametrize("transport", [Transport.TCP, Transport.TLS])
def test_timer_g_stays_unarmed_but_h_runs_on_reliable_transports(transport: Transport) -> None:
    machine = Machine(transport)
    machine.feed(404)
    machine.log.clock.advance(31.999)
    assert machine.log.sent_at == [0]
    assert machine.transaction.state is COMPLETED
    machine.log.clock.advance(0.001)
    assert machine.transaction.state is TERMINATED


def test_timer_i_is_t4_on_unreliable_transports() -> None:
    machine = in_state(CONFIRMED)
    machine.log.clock.advance(4.999)
    assert machine.transaction.state is CONFIRMED
    machine.log.clock.advance(0.001)
    assert machine.transaction.state is TERMINATED


@pytest.mark.parametrize("transport", [Transport.TCP, Transport.TLS])
def test_timer_i_is_zero_on_reliable_transports(transport: Transport) -> None:
    machine = Machine(transport)
    machine.feed(404)
    machine.feed("ACK")
    assert machine.transaction.state is TERMINATED
    assert len(machine.log.clock) == 0


@pytest.mark.parametrize("transport", [Transport.UDP, Transport.TCP])
def test_timer_l_is_64_t1_on_every_transport(transport: Transport) -> None:
    machine = Machine(transport)
    machine.feed(200)
    machine.log.clock.advance(31.999)
    assert machine.transaction.state is ACCEPTED
    machine.log.clock.advance(0.001)
    assert machine.transaction.state is TERMINATED


def test_a_2xx_that_the_core_repeats_is_serialised_once() -> None:
    machine = Machine()
    response = response_to(machine.request, 200)
    machine.transaction.respond(response)
    machine.transaction.respond(response)
    assert machine.log.take() == ["send 200", "send 200"]
    assert machine.log.sent[0] is machine.log.sent[1]


def test_final_sent() -> None:
    machine = Machine()
    assert not machine.transaction.final_sent
    machine.feed(183)
    assert not machine.transaction.final_sent
    machine.feed(200)
    assert machine.transaction.final_sent
