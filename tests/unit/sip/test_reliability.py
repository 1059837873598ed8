"""Reliable provisional responses by themselves. What RFC 3262 asks for is in tests/conformance/rfc3262."""

import pytest

from tests.unit.sip.fake_transaction import FakeTransaction, prack, response
from tests.unit.virtual_clock import FakeClock
from trunkline.sip.headers import Headers
from trunkline.sip.message import Response
from trunkline.sip.reliability import ReliableProvisionals, in_sequence, is_reliable


class Owner:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def provisional_acknowledged(self) -> None:
        self.told.append("acknowledged")

    def provisional_lost(self) -> None:
        self.told.append("lost")


class Made:
    """The machine with what surrounds it."""

    def __init__(self, first_rseq: int = 10) -> None:
        self.clock = FakeClock()
        self.transaction = FakeTransaction(self.clock)
        self.owner = Owner()
        self.machine = ReliableProvisionals(
            self.clock, 0.5, self.transaction.as_transaction(), self.owner, first_rseq
        )

    @property
    def numbers(self) -> list[int | None]:
        return [one.rseq for _, one in self.transaction.sent]


@pytest.mark.parametrize(("first", "expected"), [(0, 1), (1, 1), (2**31 - 1, 2**31 - 1), (2**32, 2**31 - 1)])
def test_first_number(first: int, expected: int) -> None:
    made = Made(first)
    made.machine.send(response(183))
    assert made.numbers == [expected]


def test_intervals() -> None:
    """T1, doubling without a cap, and the end at 64*T1."""
    made = Made()
    made.machine.send(response(183))
    made.clock.advance(40)
    assert made.transaction.moments == [0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
    assert made.owner.told == ["lost"]
    assert len(made.clock) == 0


@pytest.mark.parametrize(
    ("rseq", "cseq", "method"), [(9, 1, "INVITE"), (11, 1, "INVITE"), (10, 2, "INVITE"), (10, 1, "invite")]
)
def test_prack_that_does_not_match(rseq: int, cseq: int, method: str) -> None:
    made = Made()
    made.machine.send(response(183))
    assert not made.machine.acknowledge(prack(rseq, cseq, method))
    assert made.machine.acknowledge(prack(10))


def test_one_after_the_other() -> None:
    made = Made()
    for status in (180, 181, 183):
        made.machine.send(response(status))
    for rseq in (10, 11, 12):
        assert made.machine.acknowledge(prack(rseq))
        assert made.owner.told == []
        made.machine.go_on()
    assert made.numbers == [10, 11, 12]
    assert made.owner.told == ["acknowledged"]
    assert not made.machine.acknowledge(prack(12))


def test_description_holds_the_2xx_back() -> None:
    """Also while it waits behind another response."""
    made = Made()
    held_back = []
    for body in (b"", b"v=0"):
        made.machine.send(response(183, body=body))
        held_back.append(made.machine.holds_back_2xx)
    for rseq in (10, 11):
        assert made.machine.acknowledge(prack(rseq))
        held_back.append(made.machine.holds_back_2xx)
        made.machine.go_on()
    assert held_back == [False, True, True, False]


def test_stopped() -> None:
    """Nothing is repeated and nothing new is sent, but a PRACK still matches."""
    made = Made()
    made.machine.send(response(180))
    made.machine.send(response(183))
    made.machine.stop()
    made.clock.advance(60)
    assert made.numbers == [10]
    assert made.machine.acknowledge(prack(10))
    made.machine.go_on()
    assert made.numbers == [10]


@pytest.mark.parametrize(
    ("status", "fields", "expected"),
    [
        (183, [("Require", "100rel"), ("RSeq", "1")], True),
        (183, [("Require", "100REL, precondition"), ("RSeq", "1")], True),
        (183, [("Require", "100rel")], False),
        (183, [("Supported", "100rel"), ("RSeq", "1")], False),
        (100, [("Require", "100rel"), ("RSeq", "1")], False),
        (183, [("Require", "100rel," * 1000), ("RSeq", "1")], False),
    ],
)
def test_recognised(status: int, fields: list[tuple[str, str]], *, expected: bool) -> None:
    assert is_reliable(Response(status, headers=Headers(fields))) is expected


def test_sequence() -> None:
    assert in_sequence(77, None)
    assert in_sequence(78, 77)
    assert not in_sequence(77, 77)
    assert not in_sequence(79, 77)
