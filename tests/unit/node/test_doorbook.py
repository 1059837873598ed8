"""What comes of a right password and of wrong ones."""

from structlog.testing import capture_logs

from tests.unit.sip.fake_wire import FakeFlow
from tests.unit.virtual_clock import FakeClock
from trunkline.net.admission import Gate
from trunkline.net.guessing import Guessing
from trunkline.node.doorbook import WELCOME_S, Doorbook
from trunkline.node.visits import Visits
from trunkline.sip.fronted import FrontedFlow
from trunkline.sip.ports import Address
from trunkline.trunk.registrations import RegistrationPolicy

HOST = "192.0.2.1"


class Door:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.gate = Gate(self.clock)
        self.visits = Visits(self.clock)
        guessing = Guessing(self.gate, self.clock, failures=3, window_s=60, ban_s=300)
        self.book = Doorbook(self.gate, guessing, self.visits)
        self.flow = FakeFlow(remote=Address(HOST, 5060))


def test_a_right_password_makes_the_source_known_for_a_while() -> None:
    door = Door()
    assert not door.gate.knows(HOST)
    door.book.signed_in(door.flow)
    door.clock.advance(WELCOME_S - 1)
    assert door.gate.knows(HOST)
    door.clock.advance(2)
    assert not door.gate.knows(HOST)


def test_forged_datagrams_shut_out_no_pbx_that_registers_every_two_hours() -> None:
    door = Door()
    door.book.signed_in(door.flow)
    door.clock.advance(RegistrationPolicy().max_expires_s - 1)
    register = b"REGISTER sip:h SIP/2.0\r\n\r\n"
    assert all(door.gate.admits(HOST, register, proven=False) for _ in range(100))
    assert door.gate.bans() == []


def test_behind_a_front_it_is_the_true_source() -> None:
    door = Door()
    door.book.signed_in(FrontedFlow(door.flow, Address("192.0.2.9", 5060), "UDP"))
    assert (door.gate.knows(HOST), door.gate.knows("192.0.2.9")) == (False, True)


def test_wrong_passwords_are_remembered_and_shut_the_source_out() -> None:
    door = Door()
    with capture_logs() as lines:
        for _ in range(3):
            assert door.gate.bans() == []
            door.book.password_wrong(door.flow, "trunk1")
    assert [ban.source for ban in door.gate.bans()] == [HOST]
    [line] = lines
    assert (line["event"], line["source"], line["username"]) == (
        "banned for wrong passwords",
        HOST,
        "trunk1",
    )
    refused = door.visits.last_refused("trunk1")
    assert refused is not None
    assert refused.realm == ""


def test_another_realm_and_no_credentials_are_remembered_and_count_for_nothing() -> None:
    door = Door()
    for _ in range(9):
        door.book.other_realm_answered(door.flow, "trunk1", "asterisk")
        door.book.came_without(door.flow, "trunk2")
    refused = door.visits.last_refused("trunk1")
    assert refused is not None
    assert refused.realm == "asterisk"
    assert door.visits.last_without("trunk2") is not None
    assert door.gate.bans() == []
