"""A 2xx that waits for its ACK (RFC 3261 §13.3.1.4)."""

from tests.unit.sip.fake_transaction import FakeTransaction, response
from tests.unit.virtual_clock import FakeClock
from trunkline.sip.acceptance import Acceptance
from trunkline.sip.timers import TimerValues


def accept(clock: FakeClock, transaction: FakeTransaction, given_up: list[Acceptance]) -> Acceptance:
    return Acceptance(
        clock,
        TimerValues(),
        transaction.as_transaction(),
        response(200, cseq=7),
        offered=False,
        give_up=given_up.append,
    )


def test_intervals() -> None:
    """T1, doubling up to T2, and the end at 64*T1, not later."""
    clock = FakeClock()
    transaction, given_up = FakeTransaction(clock), list[Acceptance]()
    acceptance = accept(clock, transaction, given_up)
    clock.advance(31.9)
    assert transaction.moments == [0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert given_up == []
    clock.advance(0.1)
    assert given_up == [acceptance]
    clock.advance(60)
    assert len(transaction.sent) == 11
    assert given_up == [acceptance]
    assert len(clock) == 0


def test_stopped() -> None:
    clock = FakeClock()
    transaction, given_up = FakeTransaction(clock), list[Acceptance]()
    acceptance = accept(clock, transaction, given_up)
    clock.advance(1)
    acceptance.stop()
    clock.advance(60)
    assert len(transaction.sent) == 2
    assert given_up == []
    assert acceptance.cseq == 7
