"""The share of new calls that an overloaded node turns away: how it rises and falls, and whom it meets."""

import pytest

from tests.simulation.world import World
from tests.unit.call.refusals import error_id, refused
from trunkline.call.overload import FALL, INTERVAL_S, LATE_IN_A_ROW, RISE, Overload
from trunkline.sip.message import Request
from trunkline.sip.parse import parse_message

KEY = b"0123456789abcdef"
LIMIT_S = 0.2


def late(overload: Overload, *seconds: float) -> float:
    """After these measurements: the share."""
    for each in seconds:
        overload.measured(each, LIMIT_S)
    return overload.share


def invite(call_id: str, *lines: str) -> Request:
    fields = (
        "INVITE sip:1@a SIP/2.0",
        "Via: SIP/2.0/UDP b;branch=z9hG4bK1",
        "From: <sip:b@b>;tag=1",
        "To: <sip:1@a>",
        f"Call-ID: {call_id}",
        "CSeq: 1 INVITE",
        "Max-Forwards: 70",
        *lines,
        "Content-Length: 0",
        "",
        "",
    )
    message = parse_message("\r\n".join(fields).encode())
    assert isinstance(message, Request)
    return message


def test_a_pause_is_no_overload() -> None:
    overload = Overload(KEY)
    for _ in range(10):
        assert late(overload, *[3.0] * (LATE_IN_A_ROW - 1), 0.0) == 0
    assert overload.late_s == 0


def test_the_share_rises_with_the_lateness_stays_in_between_and_falls_slowly() -> None:
    overload = Overload(KEY)
    late(overload, *[0.1] * LATE_IN_A_ROW)
    assert late(overload, *[0.4] * LATE_IN_A_ROW) == pytest.approx(2 * RISE)
    assert late(overload, 0.4) == pytest.approx(4 * RISE)
    assert late(overload, 0.15, 0.19) == pytest.approx(4 * RISE), "late still, but not too late"
    assert late(overload, 0.09) == pytest.approx(4 * RISE - FALL)
    assert late(overload, *[9.0] * 20) == 1.0
    assert late(overload, *[0.0] * round(1 / FALL)) == pytest.approx(0.0)


def test_as_many_are_turned_away_as_it_says_and_the_same_ones_again() -> None:
    overload = Overload(KEY)
    overload.share = 0.3
    first = [overload.turns_away(invite(f"call-{number}")) for number in range(2000)]
    assert sum(first) / len(first) == pytest.approx(0.3, abs=0.05)
    assert [overload.turns_away(invite(f"call-{number}")) for number in range(2000)] == first
    other = Overload(KEY[::-1])
    other.share = 0.3
    assert [other.turns_away(invite(f"call-{number}")) for number in range(2000)] != first


def test_an_emergency_is_not_turned_away() -> None:
    overload = Overload(KEY)
    overload.share = 1.0
    assert overload.turns_away(invite("a"))
    assert overload.turns_away(invite("a", "Priority: urgent"))
    assert not overload.turns_away(invite("a", "Priority: Emergency"))


@pytest.mark.parametrize("offered", [1.5, 2.0, 4.0])
def test_it_keeps_a_node_busy_but_not_late(offered: float) -> None:
    """A node that can do a hundred calls a second and is offered more: an answered call costs ten times
    what a refused one does.
    """
    overload = Overload(KEY)
    backlog_s, worst_s, done = 0.0, 0.0, 0
    for step in range(600):
        calls = round(100 * offered * INTERVAL_S)
        away = sum(overload.turns_away(invite(f"{step}-{number}")) for number in range(calls))
        backlog_s = max(0.0, backlog_s + (calls - away) / 100 + away / 1000 - INTERVAL_S)
        overload.measured(backlog_s, LIMIT_S)
        if step >= 100:
            worst_s = max(worst_s, backlog_s)
            done += calls - away
    assert worst_s < 4 * LIMIT_S
    best = (100 - 10 * offered) / 0.9 * 500 * INTERVAL_S
    assert done > 0.75 * best
    for _ in range(200):
        overload.measured(0.0, LIMIT_S)
    assert overload.share == 0


def test_an_overloaded_node_turns_new_calls_away_and_lets_the_others_go_on() -> None:
    world = World()
    world.talking_outbound()
    late(world.node.switch.overload, *[2.0] * 30)
    world.outbound()
    response = refused(world)
    assert (response.status, error_id(response)) == (503, "overloaded")
    assert response.headers.get("retry-after") == "5"
    world.gateway.the_usage.bye()
    world.finish()
