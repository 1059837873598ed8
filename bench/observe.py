"""What watching costs on the call path: counting a message, and keeping it for the ladder."""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from trunkline.clock import TimerHeap
from trunkline.observe.journal import Journal
from trunkline.observe.ladder import Ladder
from trunkline.observe.metrics import Metrics
from trunkline.observe.wiretap import WireTap
from trunkline.sip.ports import Address, Transport

MESSAGE = b"SIP/2.0 200 OK\r\n" + b"x" * 800
ROUNDS = 100_000
CALLS = 20_000


class _Flow:
    transport = Transport.UDP
    remote = Address("192.0.2.9", 5060)
    sent_by = Address("192.0.2.1", 5060)
    closed = False

    def send(self, data: bytes) -> None:
        """Drop it."""


def _each_us(action: Callable[[], object], rounds: int) -> float:
    started = time.perf_counter()
    for _ in range(rounds):
        action()
    return (time.perf_counter() - started) / rounds * 1e6


def main() -> None:
    """Print microseconds a message and a call, and the memory that the calls left behind."""
    flow = _Flow()
    metrics = Metrics()
    counting = _each_us(lambda: metrics.message_received(MESSAGE, flow.transport), ROUNDS)
    print(f"  counting a message      {counting:.2f} µs")
    with tempfile.TemporaryDirectory() as folder:
        now = 0.0
        clock = TimerHeap(lambda: now, lambda: now)
        journal = Journal(Path(folder), keep_s=3600.0, max_bytes=1 << 28)
        ladder = Ladder(clock, journal)
        tap = WireTap(metrics, ladder)
        started = time.process_time()
        for number in range(CALLS):
            now += 0.01
            clock.run_due()
            for leg in ("in", "out"):
                ladder.link(f"{leg}-{number}", f"call-{number}")
                for _ in range(8):
                    tap.message_received(MESSAGE, flow, f"{leg}-{number}")
            ladder.close(f"call-{number}")
            if number % 1000 == 0:
                journal.wait_written()
        now += 60.0
        clock.run_due()
        journal.wait_written()
        each = (time.process_time() - started) / CALLS * 1e6
        print(f"  a call of 16 messages   {each:.1f} µs of CPU, writing included")
        print(f"  a call on disk          {journal.size / CALLS:.0f} bytes")
        print(f"  left in memory          {ladder.live_bytes} bytes, {ladder.live_calls} calls")
        ladder.stop()
        journal.close()
