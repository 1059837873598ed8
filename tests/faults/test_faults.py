"""Nothing is lost when things break: the real program, its calls, and what goes wrong meanwhile
(`scenarios`).

A call that the customer heard has exactly one record, whatever happened to the database, the disk or the
wire.
"""

import os
from typing import Any

import pytest

from tests.faults.world import within
from tests.programs import require_program

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="network and mount namespaces need root"),
    pytest.mark.timeout(180),
]


def play(scenario: str) -> dict[str, Any]:
    for program in ("unshare", "ip", "mount"):
        require_program(program)
    figures: dict[str, Any] = within("tests.faults", scenario)
    return figures


def assert_all_heard_and_booked_once(figures: dict[str, Any]) -> None:
    calls = figures["calls"]
    assert (figures["heard"], figures["records"], figures["different"]) == (calls, calls, calls), figures
    assert figures["verdicts"] == ["answered"], figures


SCENARIOS_WITHOUT_LOSS = (
    "bad_network",
    "database_gone",
    "database_locked",
    "everything_thrice",
    "poor_network",
    "slow_names",
)


@pytest.mark.parametrize("scenario", SCENARIOS_WITHOUT_LOSS)
def test_every_call_is_heard_and_booked_once(scenario: str) -> None:
    assert_all_heard_and_booked_once(play(scenario))


def test_a_full_disk_loses_no_record() -> None:
    figures = play("disk_full")
    assert figures["left"] < 4096, "it was full"
    assert_all_heard_and_booked_once(figures)


def test_carriers_that_fail_in_every_way_cost_time_only() -> None:
    figures = play("bad_carriers")
    assert_all_heard_and_booked_once(figures)
    silent = ["endpoint-silent"]
    assert figures["attempts"] == [*silent, *silent, "unreachable", *silent, "answered"]


def test_dead_name_servers_cost_one_endpoint_its_time() -> None:
    figures = play("dead_names")
    assert_all_heard_and_booked_once(figures)
    assert figures["attempts"] == ["name-not-found", "answered"]


def test_a_wall_clock_that_is_put_right_costs_no_call_and_locks_nobody_out() -> None:
    """Nonces, session timers, registrations, records, bans and TLS, an hour forward, two back, and right."""
    require_program("faketime")
    figures = play("clock_stepped")
    assert_all_heard_and_booked_once(figures)
    assert figures["banned"] == [1, 1, 1], "a step ends no ban; each of them ended by itself"
    assert figures["registered"] == 1
    assert figures["talk_off_s"] < 1.0, "what is billed is what was talked"


def test_a_certificate_is_replaced_under_calls() -> None:
    figures = play("certificate_replaced")
    assert_all_heard_and_booked_once(figures)
    assert figures["taken"] == [False, True, True], (
        "the expired one was refused, a broken file changed nothing, the old connection lives on"
    )
    assert figures["still_up"] == 5


def test_a_killed_node_closes_its_records_truthfully_and_calls_at_once() -> None:
    figures = play("killed")
    assert figures["heard"] == 5, "ports and places are free again"
    assert figures["ended"] == 5, "the phones' calls came to an end of their own"
    assert figures["states"] == ["closed"] * 5 + ["recovered"] * 5
    assert figures["verdicts"] == ["answered", "crashed"]


def test_what_can_not_be_written_holds_no_record_up() -> None:
    """It is named in the log, and left out."""
    figures = play("journal_poisoned")
    assert (figures["heard"], figures["records"]) == (3, 5), figures
    assert figures["left"] == ["before", "behind"]
    fault, too_much, no_group = figures["errors"]
    assert "a fault in the writer: records wait in the journal" in fault
    assert "left out, call, Call-ID too-much@pbx, call too-much: " in too_much
    assert "left out, nobody knows whose: " in no_group
    assert not figures["journal"]


def test_an_overloaded_node_refuses_some_in_time_and_serves_the_others() -> None:
    """Nothing fails that was let in, and nothing that was up before notices. How long callers wait is in
    docs/security.md.
    """
    figures = play("overloaded")
    assert figures["heard"] == 10, "those up before and those after it"
    assert figures["share"] > 0
    assert figures["answered"] + figures["refused"] == figures["offered"], figures
    assert figures["failed"] == 0
    assert figures["answered"] > 0, figures
    assert figures["refused"] > figures["offered"] / 10, figures
    assert figures["without_retry_after"] == 0


def test_ports_run_out_and_come_back() -> None:
    figures = play("ports_exhausted")
    assert figures["crowd"] == [200] * 5 + [503] * 5
    assert figures["again"] == 5
