"""RFC 3261 §17.1.1 and RFC 6026 Figure 5, every state against every input."""

from itertools import product

import pytest

from tests.unit.sip.transactions.fakes import BRANCH, FAILURE, VIA, Log, answer, led, named, on_the_wire
from trunkline.sip.message import Request
from trunkline.sip.parse import parse_message
from trunkline.sip.ports import Transport
from trunkline.sip.timers import TimerValues
from trunkline.sip.transactions.invite_client import InviteClientState, InviteClientTransaction

CALLING = InviteClientState.CALLING
PROCEEDING = InviteClientState.PROCEEDING
COMPLETED = InviteClientState.COMPLETED
ACCEPTED = InviteClientState.ACCEPTED
TERMINATED = InviteClientState.TERMINATED

WAY_TO: dict[InviteClientState, list[int | str]] = {
    CALLING: [],
    PROCEEDING: [180],
    COMPLETED: [486],
    ACCEPTED: [200],
    TERMINATED: ["failure"],
}
INPUTS: list[int | str] = [100, 180, 200, 302, 486, 503, 603, "T1", "64*T1", "failure", "abandon"]

TABLE: dict[tuple[InviteClientState, int | str], tuple[list[str], InviteClientState]] = {
    (CALLING, 100): (["pass up 100"], PROCEEDING),
    (CALLING, 180): (["pass up 180"], PROCEEDING),
    (CALLING, 200): (["pass up 200"], ACCEPTED),
    (CALLING, 302): (["send ACK", "pass up 302"], COMPLETED),
    (CALLING, 486): (["send ACK", "pass up 486"], COMPLETED),
    (CALLING, 503): (["send ACK", "pass up 503"], COMPLETED),
    (CALLING, 603): (["send ACK", "pass up 603"], COMPLETED),
    (CALLING, "T1"): (["send INVITE"], CALLING),
    (CALLING, "64*T1"): (["send INVITE"] * 6 + ["forget", "timed out"], TERMINATED),
    (CALLING, "failure"): (["forget", "failed"], TERMINATED),
    (CALLING, "abandon"): (["forget"], TERMINATED),
    (PROCEEDING, 100): (["pass up 100"], PROCEEDING),
    (PROCEEDING, 180): (["pass up 180"], PROCEEDING),
    (PROCEEDING, 200): (["pass up 200"], ACCEPTED),
    (PROCEEDING, 302): (["send ACK", "pass up 302"], COMPLETED),
    (PROCEEDING, 486): (["send ACK", "pass up 486"], COMPLETED),
    (PROCEEDING, 503): (["send ACK", "pass up 503"], COMPLETED),
    (PROCEEDING, 603): (["send ACK", "pass up 603"], COMPLETED),
    (PROCEEDING, "T1"): ([], PROCEEDING),
    (PROCEEDING, "64*T1"): ([], PROCEEDING),
    (PROCEEDING, "failure"): ([], PROCEEDING),
    (PROCEEDING, "abandon"): (["forget"], TERMINATED),
    (COMPLETED, 100): ([], COMPLETED),
    (COMPLETED, 180): ([], COMPLETED),
    (COMPLETED, 200): ([], COMPLETED),
    (COMPLETED, 302): (["send ACK"], COMPLETED),
    (COMPLETED, 486): (["send ACK"], COMPLETED),
    (COMPLETED, 503): (["send ACK"], COMPLETED),
    (COMPLETED, 603): (["send ACK"], COMPLETED),
    (COMPLETED, "T1"): ([], COMPLETED),
    (COMPLETED, "64*T1"): (["forget"], TERMINATED),
    (COMPLETED, "failure"): (["forget", "failed"], TERMINATED),
    (COMPLETED, "abandon"): ([], COMPLETED),
    (ACCEPTED, 100): ([], ACCEPTED),
    (ACCEPTED, 180): ([], ACCEPTED),
    (ACCEPTED, 200): (["pass up 200"], ACCEPTED),
    (ACCEPTED, 302): ([], ACCEPTED),
    (ACCEPTED, 486): ([], ACCEPTED),
    (ACCEPTED, 503): ([], ACCEPTED),
    (ACCEPTED, 603): ([], ACCEPTED),
    (ACCEPTED, "T1"): ([], ACCEPTED),
    (ACCEPTED, "64*T1"): (["forget"], TERMINATED),
    (ACCEPTED, "failure"): ([], ACCEPTED),
    (ACCEPTED, "abandon"): ([], ACCEPTED),
    **{(TERMINATED, input_): ([], TERMINATED) for input_ in INPUTS},
}


class Machine:
    """An INVITE client transaction and what it did."""

    def __init__(self, transport: Transport = Transport.UDP, timers: TimerValues | None = None) -> None:
        self.log = Log(timers)
        request, self.data, self.flow = on_the_wire("INVITE", transport)
        self.transaction = InviteClientTransaction(
            self.log, self.log, request, VIA, BRANCH, self.data, self.flow
        )
        self.transaction.start()

    def feed(self, input_: int | str) -> None:
        if isinstance(input_, int):
            self.transaction.receive(answer(self.data, input_))
        elif input_ == "failure":
            self.transaction.fail(FAILURE)
        elif input_ == "abandon":
            self.transaction.abandon()
        else:
            self.log.clock.advance(self.log.timers.t1 if input_ == "T1" else self.log.timers.timeout_s)


def in_state(state: InviteClientState) -> Machine:
    return led(Machine(), WAY_TO[state], state)


def test_table_accounts_for_every_state_and_input() -> None:
    assert set(TABLE) == set(product(InviteClientState, INPUTS))


@pytest.mark.parametrize(("state", "input_"), TABLE, ids=named)
def test_transition(state: InviteClientState, input_: int | str) -> None:
    machine = in_state(state)
    machine.feed(input_)
    assert (machine.log.take(), machine.transaction.state) == TABLE[state, input_]


def test_timer_a_doubles_without_the_cap_of_t2() -> None:
    machine = Machine()
    machine.log.clock.advance(31.9)
    assert machine.log.sent_at == [0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
    assert set(machine.log.sent) == {machine.data}


def test_timer_a_stays_unarmed_on_reliable_transports() -> None:
    machine = Machine(Transport.TCP)
    machine.log.clock.advance(31.9)
    assert machine.log.sent_at == [0]


@pytest.mark.parametrize("transport", [Transport.UDP, Transport.TCP, Transport.TLS])
def test_timer_b_fires_after_64_t1_in_calling(transport: Transport) -> None:
    machine = Machine(transport)
    machine.log.clock.advance(31.999)
    assert machine.transaction.state is CALLING
    machine.log.take()
    machine.log.clock.advance(0.001)
    assert machine.log.take() == ["forget", "timed out"]


def test_a_provisional_ends_timer_b_for_good() -> None:
    machine = Machine()
    machine.log.clock.advance(31)
    machine.feed(100)
    machine.log.clock.advance(3600)
    assert machine.transaction.state is PROCEEDING
    machine.feed(200)
    assert machine.transaction.state is ACCEPTED


def test_timer_d_is_at_least_32_seconds_whatever_t1_is() -> None:
    machine = Machine(timers=TimerValues(t1=0.1))
    machine.feed(486)
    machine.log.clock.advance(31.999)
    assert machine.transaction.state is COMPLETED
    machine.log.clock.advance(0.001)
    assert machine.transaction.state is TERMINATED


def test_timer_d_is_zero_on_reliable_transports() -> None:
    machine = Machine(Transport.TLS)
    machine.log.take()
    machine.feed(486)
    assert machine.log.take() == ["forget", "send ACK", "pass up 486"]
    assert machine.transaction.state is TERMINATED


@pytest.mark.parametrize("transport", [Transport.UDP, Transport.TCP])
def test_timer_m_is_64_t1_on_every_transport(transport: Transport) -> None:
    machine = Machine(transport)
    machine.feed(200)
    machine.log.clock.advance(31.999)
    assert machine.transaction.state is ACCEPTED
    machine.log.clock.advance(0.001)
    assert machine.transaction.state is TERMINATED


@pytest.mark.parametrize("transport", [Transport.TCP, Transport.TLS])
def test_a_connection_that_closes_in_proceeding_is_a_failure(transport: Transport) -> None:
    machine = Machine(transport)
    machine.feed(180)
    machine.log.take()
    machine.feed("failure")
    assert machine.log.take() == ["forget", "failed"]
    assert machine.transaction.state is TERMINATED


def test_every_2xx_is_passed_up_and_none_acknowledged() -> None:
    machine = Machine()
    machine.log.take()
    for to_tag in ("fork1", "fork1", "fork2"):
        machine.transaction.receive(answer(machine.data, 200, to_tag))
    assert machine.log.take() == ["pass up 200"] * 3


def test_ack_of_a_rejection_follows_17_1_1_3() -> None:
    machine = Machine()
    machine.transaction.receive(answer(machine.data, 486, "xyz"))
    ack = parse_message(machine.log.sent[-1])
    invite = parse_message(machine.data)
    assert isinstance(ack, Request)
    assert isinstance(invite, Request)
    assert (ack.method, ack.uri_text) == ("ACK", invite.uri_text)
    assert ack.headers.all("via") == [VIA]
    assert ack.headers.all("route") == ["<sip:proxy.example.com;lr>"]
    assert ack.headers.get("from") == invite.headers.get("from")
    assert ack.headers.get("to") == "<sip:bob@example.com>;tag=xyz"
    assert ack.call_id == invite.call_id
    assert ack.cseq == (7, "ACK")
    assert ack.body == b""


def test_the_ack_is_the_same_bytes_every_time() -> None:
    machine = Machine()
    for _ in range(3):
        machine.feed(486)
    acks = machine.log.sent[1:]
    assert len(acks) == 3
    assert len(set(acks)) == 1


def test_nothing_is_armed_once_terminated() -> None:
    endings: list[list[int | str]] = [[486], [200], ["failure"], [180, "abandon"]]
    for ending in endings:
        machine = Machine()
        for input_ in ending:
            machine.feed(input_)
        machine.log.clock.advance(64)
        assert len(machine.log.clock) == 0


def test_at_most_one_timer_is_armed() -> None:
    machine = Machine()
    assert len(machine.log.clock) == 1
    machine.feed("T1")
    assert len(machine.log.clock) == 1
    machine.feed(180)
    assert len(machine.log.clock) == 0
    machine.feed(486)
    assert len(machine.log.clock) == 1
