"""A process that places calls on paper and writes their records, until it is killed.

Prints one line per change before it is noted: `<wall clock> <call id> <state>`. Arguments: database URL,
journal file.
"""

import sys
import time
from pathlib import Path

from tests.unit.store.entities import attempt_record, call_record, ended_attempt, ended_call
from trunkline.clock import TimerHeap
from trunkline.store.record_writer import RecordWriter

INTERVAL_S = 0.01


def main(url: str, journal: str) -> None:
    """Open a call every 10 ms; end every second one 150 ms later."""
    clock = TimerHeap(time.monotonic, time.time)
    writer = RecordWriter(url, clock=clock, node="n1", journal=Path(journal))
    writer.start()

    def say(call_id: str, state: str) -> None:
        sys.stdout.write(f"{time.time()} {call_id} {state}\n")
        sys.stdout.flush()

    def end(call_id: str, setup_at: float) -> None:
        say(call_id, "closed")
        record = ended_call(call_id, setup_at=setup_at)
        record.ended_at = time.time()
        writer.call_changed(record)
        writer.attempt_changed(ended_attempt(call_id))

    def begin(number: int) -> None:
        call_id, setup_at = f"c{number}", time.time()
        say(call_id, "open")
        writer.call_changed(call_record(call_id, setup_at=setup_at))
        attempt = attempt_record(call_id)
        attempt.started_at = setup_at
        writer.attempt_changed(attempt)
        if number % 2:
            clock.at(clock.now() + 0.15, lambda: end(call_id, setup_at))
        clock.at(clock.now() + INTERVAL_S, lambda: begin(number + 1))

    begin(0)
    while True:
        clock.run_due()
        deadline = clock.next_deadline()
        time.sleep(0.001 if deadline is None else max(0.0, deadline - clock.now()))


if __name__ == "__main__":
    main(*sys.argv[1:])
