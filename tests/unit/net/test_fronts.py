"""What a front says is believed; what anybody else says in its words is not."""

from dataclasses import dataclass, field

import pytest

from tests.unit.net.wire import OPTIONS, RINGING
from tests.unit.sip.fake_wire import FakeFlow
from tests.unit.virtual_clock import FakeClock
from trunkline.net.admission import Evidence, Gate, GateSettings
from trunkline.net.fronts import Fronts
from trunkline.sip.fronted import FrontedFlow, described, source_of
from trunkline.sip.ports import Address, Flow

FRONT, CLIENT, STRANGER = "10.0.0.5", "203.0.113.7", "198.51.100.66"


def said(*values: str) -> bytes:
    """An OPTIONS with this said of its source."""
    fields = "".join(f"X-Trunkline-Source: {value}\r\n" for value in values).encode()
    return OPTIONS.replace(b"Content-Length", fields + b"Content-Length")


@dataclass
class Door:
    """The fronts, and what came through."""

    came: list[Flow] = field(default_factory=list)
    clock: FakeClock = field(default_factory=FakeClock)

    def __post_init__(self) -> None:
        self.gate = Gate(self.clock, GateSettings(fronts=frozenset({FRONT})))
        self.fronts = Fronts([FRONT], self.gate, lambda _data, flow: self.came.append(flow))

    def receive(self, data: bytes, host: str = FRONT) -> Flow | None:
        """The flow that went on with it."""
        before = len(self.came)
        self.fronts.received(data, FakeFlow(remote=Address(host, 5060)))
        return self.came[-1] if len(self.came) > before else None


@pytest.fixture
def door() -> Door:
    return Door()


@pytest.mark.parametrize(
    ("value", "source"),
    [
        ("udp 203.0.113.7 40000", "UDP 203.0.113.7:40000"),
        ("tls 2001:db8::7 5061", "TLS [2001:db8::7]:5061"),
        ("TCP [2001:DB8::7] 5061", "TCP [2001:db8::7]:5061"),
    ],
)
def test_a_front_is_believed(door: Door, value: str, source: str) -> None:
    flow = door.receive(said(value))
    assert flow is not None
    assert described(flow) == source
    assert flow.remote.host == FRONT


def test_anybody_else_is_taken_by_its_own_address(door: Door) -> None:
    flow = door.receive(said("udp 203.0.113.7 40000"), STRANGER)
    assert flow is not None
    assert not isinstance(flow, FrontedFlow)
    assert source_of(flow).host == STRANGER


@pytest.mark.parametrize(
    "values",
    [
        ("udp 203.0.113.7 40000", "udp 10.0.0.9 5060"),
        ("udp 203.0.113.7",),
        ("udp pbx.example 5060",),
        ("udp 203.0.113.7 0",),
        ("udp 203.0.113.7 65536",),
        ("udp 999.0.113.7 5060",),
        ("",),
    ],
)
def test_what_no_front_writes_is_dropped(door: Door, values: tuple[str, ...]) -> None:
    assert door.receive(said(*values)) is None
    assert door.gate.refused == 1


def test_what_a_front_says_itself_comes_from_it(door: Door) -> None:
    for data in (OPTIONS, RINGING, OPTIONS + b"\r\nX-Trunkline-Source: udp 203.0.113.7 40000\r\n"):
        flow = door.receive(data)
        assert flow is not None
        assert source_of(flow).host == FRONT


def test_the_true_source_is_counted_and_banned_and_the_front_is_not(door: Door) -> None:
    for _ in range(100):
        door.receive(said("udp 203.0.113.7 40000"))
    assert [ban.source for ban in door.gate.bans()] == [CLIENT]
    assert len(door.came) == 16
    assert door.receive(said("udp 203.0.113.8 40000")) is not None
    for _ in range(5000):
        assert door.gate.admits(FRONT, OPTIONS, proven=False)
    assert door.gate.admits_connection(FRONT)


def test_a_ban_on_datagrams_lets_connections_through_the_front(door: Door) -> None:
    door.gate.ban(CLIENT, "too many", evidence=Evidence.SPOOFABLE)
    assert door.receive(said("udp 203.0.113.7 40000")) is None
    assert door.receive(said("tcp 203.0.113.7 40000")) is not None
    door.gate.ban(CLIENT, "wrong passwords", evidence=Evidence.PROVEN)
    assert door.receive(said("tcp 203.0.113.7 40000")) is None


def test_what_is_sent_to_a_front_vouches_for_nobody(door: Door) -> None:
    door.gate.sent(FRONT, OPTIONS)
    assert door.gate.admits(FRONT, OPTIONS, proven=False)
