"""Every message of a call is found under the call, live and later; nothing else stays in memory."""

import asyncio
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.observe.flows import PaperFlow
from tests.unit.virtual_clock import FakeClock
from trunkline.observe.journal import Journal
from trunkline.observe.ladder import FILE_S, LINGER_S, MAX_UNLINKED, STORY_BYTES, UNLINKED_BYTES, Ladder
from trunkline.observe.message import LadderMessage, unpack
from trunkline.observe.segment import SealedSegment
from trunkline.sdp.crypto import our_line
from trunkline.sip.ports import Address

INVITE = b"INVITE sip:1@h SIP/2.0\r\n\r\n"
TRYING = b"SIP/2.0 100 Trying\r\n\r\n"
OK = b"SIP/2.0 200 OK\r\n\r\n"
BYE = b"BYE sip:1@h SIP/2.0\r\n\r\n"
CALLER = PaperFlow(remote=Address("192.0.2.9", 5060))
CALLEE = PaperFlow(remote=Address("198.51.100.7", 5060))


class Bench:
    """A ladder on a clock that a test moves, with a journal on disk."""

    def __init__(self, folder: Path, max_bytes: int = 64 << 20) -> None:
        self.clock = FakeClock()
        self.journal = Journal(folder, keep_s=1e9, max_bytes=1 << 26)
        self.ladder = Ladder(self.clock, self.journal, max_bytes=max_bytes)

    def read(self, call_id: str) -> list[LadderMessage]:
        return asyncio.run(self.ladder.read(call_id))

    def story(self, call_id: str) -> list[tuple[int, bool, bytes]]:
        return [(message.leg, message.sent, message.data) for message in self.read(call_id)]

    def call(self, number: int) -> None:
        """A whole call, with nothing left to do but let time pass."""
        self.ladder.message_received(INVITE, CALLER, f"in-{number}")
        self.ladder.link(f"in-{number}", f"call-{number}")
        self.ladder.message_sent(TRYING, CALLER, f"in-{number}")
        self.ladder.link(f"out-{number}", f"call-{number}")
        self.ladder.message_sent(INVITE, CALLEE, f"out-{number}")
        self.ladder.message_received(OK, CALLEE, f"out-{number}")
        self.ladder.message_sent(OK, CALLER, f"in-{number}")
        self.ladder.close(f"call-{number}")


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.ladder.stop()
    bench.journal.close()


STORY = [(0, False, INVITE), (0, True, TRYING), (1, True, INVITE), (1, False, OK), (0, True, OK)]


def test_a_call_live_lingering_and_filed(bench: Bench) -> None:
    bench.call(1)
    assert bench.story("call-1") == STORY
    bench.clock.advance(LINGER_S / 2)
    bench.ladder.message_received(BYE, CALLER, "in-1")
    bench.clock.advance(LINGER_S)
    assert bench.ladder.live_calls == 0
    assert bench.ladder.live_bytes == 0
    assert bench.story("call-1") == [*STORY, (0, False, BYE)]
    bench.ladder.message_received(BYE, CALLER, "in-1")
    assert bench.ladder.live_bytes == 0


def test_a_filed_call_is_out_of_memory_and_stragglers_follow_it(bench: Bench) -> None:
    bench.call(1)
    bench.clock.advance(2 * FILE_S)
    bench.journal.wait_written()
    assert (bench.ladder.live_calls, bench.ladder.live_bytes) == (1, 0)
    bench.ladder.message_received(BYE, CALLER, "in-1")
    assert bench.story("call-1") == [*STORY, (0, False, BYE)]
    bench.clock.advance(LINGER_S)
    assert (bench.ladder.live_calls, bench.ladder.live_bytes) == (0, 0)
    assert bench.story("call-1") == [*STORY, (0, False, BYE)]


def test_a_caller_who_tries_again_under_the_call_id_of_a_call_that_is_over(bench: Bench) -> None:
    bench.call(1)
    bench.clock.advance(2 * FILE_S)
    bench.ladder.message_received(INVITE, CALLER, "in-1")
    bench.ladder.link("in-1", "call-2")
    bench.ladder.message_sent(TRYING, CALLER, "in-1")
    bench.clock.advance(2 * LINGER_S)
    bench.ladder.message_received(BYE, CALLER, "in-1")
    again = [(0, False, INVITE), (0, True, TRYING), (0, False, BYE)]
    assert bench.story("call-2") == again
    bench.ladder.close("call-2")
    bench.clock.advance(2 * LINGER_S)
    assert (bench.ladder.live_calls, bench.ladder.live_bytes) == (0, 0)
    assert bench.story("call-1") == [*STORY, (0, False, INVITE)]
    assert bench.story("call-2") == again


def test_times_and_addresses(bench: Bench) -> None:
    bench.call(1)
    first, *_, last = bench.read("call-1")
    assert first.at == bench.clock.wall()
    assert (first.remote, first.local) == (CALLER.remote, CALLER.sent_by)
    assert last.remote == CALLER.remote


def test_attempt_that_was_sent_before_it_was_linked(bench: Bench) -> None:
    bench.ladder.message_received(INVITE, CALLER, "in")
    bench.ladder.link("in", "call")
    bench.ladder.message_sent(INVITE, CALLEE, "out")
    bench.clock.advance(0.1)
    bench.ladder.message_sent(TRYING, CALLER, "in")
    bench.ladder.link("out", "call")
    bench.ladder.message_received(OK, CALLEE, "out")
    assert bench.story("call") == [(0, False, INVITE), (1, True, INVITE), (0, True, TRYING), (1, False, OK)]


def test_a_leg_that_goes_over_to_another_call(bench: Bench) -> None:
    """What was heard of it before stays where it was."""
    for number in (1, 2):
        bench.ladder.message_received(INVITE, CALLER, f"in-{number}")
        bench.ladder.link(f"in-{number}", f"call-{number}")
        bench.ladder.link(f"out-{number}", f"call-{number}")
        bench.ladder.message_sent(INVITE, CALLEE, f"out-{number}")
    bench.ladder.link("out-2", "call-1")
    bench.ladder.message_received(OK, CALLEE, "out-2")
    bench.ladder.close("call-2")
    bench.clock.advance(LINGER_S * 3)
    bench.ladder.message_received(BYE, CALLEE, "out-2")
    begun = [(0, False, INVITE), (1, True, INVITE)]
    assert bench.story("call-1") == [*begun, (2, False, OK), (2, False, BYE)]
    assert bench.story("call-2") == begun
    bench.ladder.close("call-1")
    bench.clock.advance(LINGER_S * 3)
    assert bench.ladder.live_calls == 0


def test_the_first_leg_is_what_all_have_in_common(bench: Bench) -> None:
    ladder = bench.ladder
    ladder.message_received(INVITE, CALLER, "in")
    ladder.message_sent(INVITE, CALLEE, "out")
    assert [ladder.first_leg(leg) for leg in ("in", "out", "unknown")] == ["in", "out", "unknown"]
    ladder.link("in", "call")
    ladder.link("out", "call")
    assert [ladder.first_leg(leg) for leg in ("in", "out", "unknown")] == ["in", "in", "unknown"]


def test_every_attempt_is_a_leg(bench: Bench) -> None:
    bench.ladder.link("in", "call")
    for attempt in ("a", "b", "c"):
        bench.ladder.link(attempt, "call")
        bench.ladder.link(attempt, "call")
        bench.ladder.message_sent(INVITE, CALLEE, attempt)
    assert [leg for leg, _, _ in bench.story("call")] == [1, 2, 3]


def test_a_call_under_the_call_id_of_another_one_reads_nothing_of_it(bench: Bench) -> None:
    """It may be another customer's: a carrier's proxy sends the call of one back to the number of the other,
    or somebody who was called uses the Call-ID that he has heard."""
    bench.ladder.message_received(INVITE, CALLER, "in")
    bench.ladder.link("in", "first")
    bench.ladder.link("out", "first")
    bench.ladder.message_sent(INVITE, CALLEE, "out")
    bench.ladder.message_received(INVITE, CALLEE, "out")
    bench.ladder.link("out", "second")
    bench.ladder.message_sent(TRYING, CALLEE, "out")
    bench.ladder.link("on", "second")
    bench.ladder.message_sent(INVITE, CALLEE, "on")
    bench.ladder.message_sent(OK, CALLER, "in")
    assert bench.story("second") == [(0, False, INVITE), (1, True, INVITE)]
    bench.ladder.close("second")
    bench.clock.advance(2 * LINGER_S)
    assert bench.ladder.live_calls == 1
    bench.ladder.message_received(OK, CALLEE, "out")
    bench.ladder.close("first")
    bench.clock.advance(2 * LINGER_S)
    assert (bench.ladder.live_calls, bench.ladder.live_bytes) == (0, 0)
    assert bench.ladder._by_sip_call_id == {}
    assert len(bench.story("first")) == 6
    assert bench.story("second") == [(0, False, INVITE), (1, True, INVITE)]


def test_other_traffic_is_not_kept(bench: Bench) -> None:
    bench.ladder.message_received(b"OPTIONS sip:1@h SIP/2.0\r\n\r\n", CALLER, "o")
    bench.ladder.message_sent(OK, CALLER, "o")
    assert bench.ladder.live_bytes == 0
    assert bench.read("unknown") == []


def test_dialogs_without_a_call_are_bounded_in_number_and_size(bench: Bench) -> None:
    for number in range(3 * MAX_UNLINKED):
        for _ in range(40):
            bench.ladder.message_received(INVITE + b"x" * 1000, CALLER, f"scan-{number}")
    assert bench.ladder.live_bytes <= MAX_UNLINKED * UNLINKED_BYTES
    assert len(bench.ladder._by_sip_call_id) == MAX_UNLINKED
    bench.ladder.link("scan-1", "call")
    assert bench.story("call") == []
    bench.ladder.link(f"scan-{3 * MAX_UNLINKED - 1}", "call")
    assert len(bench.story("call")) == UNLINKED_BYTES // 1026


def test_a_long_first_message_is_kept(bench: Bench) -> None:
    """It would be missing from the ladder of a call that was answered at once."""
    long = INVITE + b"x" * 2 * UNLINKED_BYTES
    for _ in range(3):
        bench.ladder.message_received(long, CALLER, "in")
    bench.ladder.link("in", "call")
    assert [len(data) for _, _, data in bench.story("call")] == [len(long)]
    bench.ladder.message_sent(OK, CALLER, "in")
    assert len(bench.story("call")) == 2


def test_a_call_is_bounded(bench: Bench) -> None:
    bench.ladder.link("in", "call")
    for _ in range(40):
        bench.ladder.message_received(INVITE + b"x" * (STORY_BYTES // 20), CALLER, "in")
    assert bench.ladder.live_bytes <= STORY_BYTES
    assert bench.ladder.lost > 0


def test_memory_is_relieved_into_the_journal(tmp_path: Path) -> None:
    bench = Bench(tmp_path, max_bytes=10_000)
    for number in range(20):
        bench.ladder.link(f"in-{number}", f"call-{number}")
        bench.ladder.message_received(INVITE + b"x" * 1000, CALLER, f"in-{number}")
        assert bench.ladder.live_bytes <= 10_000
    bench.ladder.message_received(BYE, CALLER, "in-0")
    assert [data[:3] for _, _, data in bench.story("call-0")] == [b"INV", b"BYE"]
    bench.ladder.close("call-0")
    bench.clock.advance(LINGER_S)
    assert [data[:3] for _, _, data in bench.story("call-0")] == [b"INV", b"BYE"]
    bench.ladder.stop()
    assert all(len(bench.story(f"call-{number}")) == 1 for number in range(1, 20))
    bench.journal.close()


def test_found_after_a_restart(tmp_path: Path) -> None:
    before = Bench(tmp_path)
    before.call(1)
    before.ladder.stop()
    before.journal.close()
    after = Bench(tmp_path)
    assert after.story("call-1") == STORY
    after.ladder.stop()
    after.journal.close()


def unmasked(path: Path) -> list[LadderMessage]:
    """What somebody who gets hold of a journal file finds in it."""
    return [message for payload in SealedSegment(path).read("call") for message in unpack(payload)]


def test_secrets_stay_inside(bench: Bench) -> None:
    bench.ladder.link("in", "call")
    bench.ladder.message_received(INVITE[:-2] + b"Authorization: Basic c2VjcmV0\r\n\r\n", CALLER, "in")
    assert b"c2VjcmV0" not in bench.read("call")[0].data


def test_keys_for_srtp_are_not_even_written_to_the_journal(bench: Bench, tmp_path: Path) -> None:
    key = bytes(range(30))
    offer = f"a={our_line(1, key)}|2^20|1:4\r\n".encode()
    bench.ladder.message_sent(INVITE + offer, CALLEE, "out")
    bench.ladder.link("out", "call")
    bench.ladder.message_received(OK + offer, CALLEE, "out")
    bench.ladder.close("call")
    live = bench.read("call")
    bench.clock.advance(LINGER_S + 1)
    bench.journal.wait_written()
    written = [message for path in tmp_path.iterdir() for message in unmasked(path)]
    assert [len(message.data) for message in written] == [len(INVITE + offer), len(OK + offer)]
    assert not any(b64encode(key) in message.data for message in [*live, *written])


def test_what_is_dropped_is_nowhere(bench: Bench) -> None:
    bench.ladder.message_received(INVITE, CALLER, "in")
    bench.ladder.link("in", "call")
    bench.ladder.message_sent(OK, CALLER, "in")
    bench.ladder.drop("call")
    bench.ladder.drop("unknown")
    bench.ladder.message_received(b"ACK sip:b SIP/2.0\r\n\r\n", CALLER, "in")
    assert (bench.ladder.live_bytes, bench.ladder.live_calls) == (0, 0)
    assert bench.ladder._by_sip_call_id == {}
    bench.clock.advance(LINGER_S + 1)
    bench.journal.wait_written()
    assert bench.read("call") == []


def test_calls_that_end_together_are_filed_together(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    batches: list[int] = []
    monkeypatch.setattr(Journal, "append", lambda _journal, batch: batches.append(len(batch)))
    for number in range(50):
        bench.call(number)
        bench.clock.advance(0.01)
    bench.clock.advance(LINGER_S + 2)
    assert batches == [50]


def test_nothing_is_left_after_many_calls(bench: Bench) -> None:
    for number in range(20_000):
        bench.call(number)
        bench.clock.advance(0.01)
        assert bench.ladder.live_calls <= (LINGER_S + 1) * 100 + 1
        if number % 1000 == 0:
            bench.journal.wait_written()
    bench.clock.advance(LINGER_S + 1)
    assert bench.ladder.live_bytes == 0
    assert bench.ladder.live_calls == 0
    assert bench.ladder._by_sip_call_id == {}
    assert bench.ladder._unlinked == {}
    assert len(bench.ladder._ended) == 0
    bench.journal.wait_written()
    assert bench.journal._pending == {}
    assert bench.story("call-19999") == bench.story("call-3") == STORY
