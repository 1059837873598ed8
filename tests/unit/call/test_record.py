"""The durations of a call are read off its moments."""

import pytest

from trunkline.call.record import CallRecord, Direction, RecordState


def record(**moments: float) -> CallRecord:
    """A call that came at 100."""
    return CallRecord(
        call_id="c",
        node="n",
        direction=Direction.OUTBOUND,
        account="acme",
        number=None,
        dialled="0044123",
        called="44123",
        caller="4930",
        sip_call_id="x",
        source="UDP 192.0.2.1:5060",
        setup_at=100.0,
        **moments,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    ("moments", "setup_s", "ring_s", "talk_s"),
    [
        ({}, None, 0, 0),
        ({"ringing_at": 101.0}, 1, 0, 0),
        ({"ringing_at": 101.0, "answered_at": 104.0}, 1, 3, 0),
        ({"ringing_at": 101.0, "answered_at": 104.0, "ended_at": 110.0}, 1, 3, 6),
        ({"answered_at": 104.0, "ended_at": 110.0}, 4, 0, 6),
        ({"ringing_at": 101.0, "ended_at": 107.0}, 1, 6, 0),
        ({"ended_at": 100.5}, 0.5, 0, 0),
    ],
    ids=["new", "ringing", "answered", "ended", "never rang", "never answered", "refused"],
)
def test_setup_ring_and_talk(
    moments: dict[str, float], setup_s: float | None, ring_s: float, talk_s: float
) -> None:
    call = record(**moments)
    assert (call.setup_s, call.ring_s, call.talk_s) == (setup_s, ring_s, talk_s)


def test_a_wall_clock_that_was_set_back_gives_no_negative_time() -> None:
    call = record(ringing_at=101.0, answered_at=50.0, ended_at=40.0)
    assert (call.ring_s, call.talk_s) == (0, 0)


def test_a_new_record_is_open_and_has_nothing_of_another_ones() -> None:
    one, other = record(), record()
    assert one.state is RecordState.OPEN
    assert one.caller_media == other.callee_media
    assert one.caller_media is not other.caller_media
