"""The timeline of a call."""

from xml.etree import ElementTree as ET

from tests.unit.store.entities import attempt_record, call_record, ended_attempt, ended_call
from trunkline.call.record import AttemptRecord, CallRecord
from trunkline.trunk.verdict import Slug, Verdict
from trunkline.web.dashboard.calls.timeline_picture import MAX_ROWS, timeline_picture

SVG = "{http://www.w3.org/2000/svg}"


def drawn(call: CallRecord, *attempts: AttemptRecord, now: float = 2000.0) -> ET.Element:
    return ET.fromstring(timeline_picture(call, attempts, now))


def bars(read: ET.Element) -> list[tuple[str, float, float]]:
    return [
        (bar.get("class", ""), float(bar.get("x", "")), float(bar.get("width", "")))
        for bar in read.iter(f"{SVG}rect")
    ]


def words(read: ET.Element) -> list[str]:
    return [text.text or "" for text in read.iter(f"{SVG}text")]


def test_an_answered_call() -> None:
    read = drawn(ended_call(), ended_attempt())
    kinds = [kind for kind, _, _ in bars(read)]
    assert kinds == ["trying", "ringing", "talking"] * 2
    assert {"rang +1.0 s", "answered +2.0 s", "ended +1 min 2 s"} <= set(words(read))
    about = read.find(f"{SVG}desc")
    assert about is not None
    assert about.text == "From the INVITE to the end 1 min 2 s. 1 attempt. Answered after 2.0 s."


def test_the_way_to_the_answer_is_wide_however_long_the_talk() -> None:
    call = ended_call()
    call.ended_at = call.setup_at + 86_400
    widths = {kind: width for kind, _, width in bars(drawn(call))}
    assert widths["trying"] > 100
    assert widths["talking"] > 100


def test_a_failed_attempt_and_the_one_after_it() -> None:
    call = call_record()
    call.ended_at = 1004.5
    call.verdict = Verdict.of(Slug.BUSY)
    first, second = attempt_record(position=1), attempt_record(position=2)
    first.ended_at = second.started_at = 1002.5
    first.verdict = Verdict.of(Slug.UNREACHABLE)
    second.ended_at, second.verdict = 1004.5, Verdict.of(Slug.BUSY)
    caller, one, two = bars(drawn(call, first, second))
    assert [caller[0], one[0], two[0]] == ["failed"] * 3
    assert one[1] < two[1]
    assert abs(one[1] + one[2] - two[1]) < 0.2


def test_a_call_that_is_refused_at_once() -> None:
    """Its two moments are one, at the beginning, with one word."""
    call = call_record()
    call.ended_at = call.setup_at
    call.verdict = Verdict.of(Slug.DESTINATION_FORBIDDEN)
    read = drawn(call)
    assert words(read) == ["ended +0.00 s", "Caller"]
    [(kind, x, _)] = bars(read)
    assert (kind, x) == ("failed", 216)


def test_a_call_under_way_lasts_until_now() -> None:
    read = drawn(call_record(setup_at=1000.0), attempt_record(), now=1010.0)
    assert "now +10 s" in words(read)


def test_a_clock_that_went_back_draws_nothing_outside() -> None:
    call = ended_call()
    call.ended_at = call.setup_at - 5
    read = drawn(call, ended_attempt())
    assert all(0 <= x <= 780 and width >= 0 for _, x, width in bars(read))


def test_targets_are_text_and_rows_are_bounded() -> None:
    attempts = [attempt_record(position=number) for number in range(1, 60)]
    attempts[0].target = "<script>\x00" * 50
    read = drawn(ended_call(), *attempts)
    assert read.find(f".//{SVG}script") is None
    assert len([text for text in words(read) if text[:1].isdigit() and "." in text[:3]]) == MAX_ROWS
