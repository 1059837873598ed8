"""Noticing calls and endpoints, and nothing twice, and nothing not at all."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.unit.store.entities import call_record
from tests.unit.store.test_webhook_sources import write
from tests.unit.virtual_clock import FakeClock
from tests.unit.web.paper_node import HEALTH
from tests.unit.web.webhooks.conftest import ACCOUNT
from trunkline.call.record import CallRecord, RecordState
from trunkline.store import webhook_queue
from trunkline.store.store import Store
from trunkline.store.webhook_queue import DeliveryState, Result
from trunkline.store.webhooks import Webhooks
from trunkline.trunk.account import Account
from trunkline.trunk.forwarding import ForwardingList
from trunkline.trunk.health import HealthState
from trunkline.trunk.number import Number
from trunkline.web.views import TargetHealth
from trunkline.web.webhooks import noticing
from trunkline.web.webhooks.noticing import CATCH_UP_S, LATE_S, LONG_LOOK_S, VERY_LATE_S, Noticer

NODE = "n1"
DOWN = replace(HEALTH, account=ACCOUNT)
UP = replace(DOWN, state=HealthState.UP)
UNKNOWN = replace(DOWN, state=HealthState.UNKNOWN, since_at=None)


@pytest.fixture
def hook(webhooks: Webhooks) -> str:
    return webhooks.add(ACCOUNT, "http://a/")[0].id


@pytest.fixture
def noticer(store: Store, hook: str, clock: FakeClock) -> Noticer:
    noticer = Noticer(store, NODE, clock.wall)
    noticer.calls()
    return noticer


def told(store: Store, hook: str) -> list[str]:
    return [delivery.event_id for delivery in reversed(store.webhook_queue.list(hook, limit=1000))]


def call(clock: FakeClock, call_id: str = "c1", account: str = ACCOUNT, ago_s: float = 0.0) -> CallRecord:
    return call_record(call_id, setup_at=clock.wall() - ago_s, account=account)


def end(record: CallRecord, clock: FakeClock) -> CallRecord:
    record.ended_at, record.state = clock.wall(), RecordState.CLOSED
    return record


def test_a_call_is_told_step_by_step(store: Store, hook: str, noticer: Noticer, clock: FakeClock) -> None:
    record = call(clock)
    for step in ("started", "ringing", "answered"):
        clock.advance(3)
        if step != "started":
            setattr(record, f"{step}_at", clock.wall())
        write(store, record)
        assert noticer.calls() == 1
        assert noticer.calls() == 0
        assert told(store, hook)[-1] == f"c1-{step}"
    clock.advance(7200)
    assert noticer.calls() == 0
    write(store, end(record, clock))
    assert noticer.calls() == 1
    for _ in range(5):
        clock.advance(LONG_LOOK_S)
        assert noticer.calls() == 0
    assert told(store, hook) == ["c1-started", "c1-ringing", "c1-answered", "c1-completed"]


def test_a_call_that_was_over_at_once(store: Store, hook: str, noticer: Noticer, clock: FakeClock) -> None:
    clock.advance(1)
    write(store, end(call(clock), clock), call(clock, "c2", "other"))
    assert noticer.calls() == 2
    assert told(store, hook) == ["c1-started", "c1-failed"]


def test_what_happened_while_nobody_looked_is_told_after_a_restart(
    store: Store, hook: str, noticer: Noticer, clock: FakeClock
) -> None:
    followed = call(clock, "long")
    write(store, followed)
    noticer.calls()
    clock.advance(3 * 3600)
    write(store, *(end(call(clock, f"c{n}", ago_s=600 * n), clock) for n in range(10)))
    write(store, end(followed, clock))
    again = Noticer(store, NODE, clock.wall)
    assert again.calls() == 21
    assert set(told(store, hook)) == {
        "long-started",
        "long-failed",
        *(f"c{n}-{step}" for n in range(10) for step in ("started", "failed")),
    }


def test_nothing_is_told_twice_after_a_restart_or_by_two(
    store: Store, hook: str, noticer: Noticer, clock: FakeClock
) -> None:
    other = Noticer(store, "n2", clock.wall)
    clock.advance(1)
    write(store, call(clock, "up"), end(call(clock, "over"), clock))
    assert noticer.calls() == 3
    assert other.calls() == 0
    assert Noticer(store, NODE, clock.wall).calls() == 0
    assert len(told(store, hook)) == 3


def test_what_is_too_long_ago_is_not_told(
    store: Store, hook: str, noticer: Noticer, clock: FakeClock
) -> None:
    clock.advance(10)
    write(store, end(call(clock, "old"), clock))
    clock.advance(CATCH_UP_S + 60)
    write(store, end(call(clock, "new"), clock))
    Noticer(store, NODE, clock.wall).calls()
    assert told(store, hook) == ["new-started", "new-failed"]


def test_a_record_that_was_written_late(store: Store, hook: str, noticer: Noticer, clock: FakeClock) -> None:
    clock.advance(1)
    late, very_late = call(clock, "late"), call(clock, "very-late")
    clock.advance(LATE_S - 1)
    noticer.calls()
    write(store, end(late, clock))
    assert noticer.calls() == 2
    clock.advance(120)
    noticer.calls()
    clock.advance(1)
    write(store, end(very_late, clock))
    assert noticer.calls() == 0
    clock.advance(LONG_LOOK_S)
    assert noticer.calls() == 2


def test_records_that_a_node_could_not_write_for_long_are_told_when_it_can(
    store: Store, hook: str, noticer: Noticer, clock: FakeClock
) -> None:
    """The database is back for this process before the node has tried it again."""
    clock.advance(1)
    early, later = call(clock, "early"), call(clock, "later")
    clock.advance(2 * VERY_LATE_S)
    noticer.calls()
    clock.advance(LONG_LOOK_S)
    noticer.calls()
    write(store, end(early, clock))
    clock.advance(LONG_LOOK_S)
    assert noticer.calls() == 2
    clock.advance(VERY_LATE_S)
    write(store, end(later, clock))
    assert noticer.calls() == 0
    assert told(store, hook) == ["early-started", "early-failed"]


def test_a_webhook_is_told_nothing_from_before_it_was_made(
    store: Store, webhooks: Webhooks, clock: FakeClock
) -> None:
    noticer = Noticer(store, NODE, clock.wall)
    noticer.calls()
    clock.advance(1)
    write(store, end(call(clock), clock))
    clock.advance(1)
    hook = webhooks.add(ACCOUNT, "http://a/")[0].id
    assert noticer.calls() == 0
    assert told(store, hook) == []


def test_a_call_of_nobody(store: Store, noticer: Noticer, clock: FakeClock) -> None:
    record = call(clock)
    record.account = None
    write(store, record)
    assert noticer.calls() == 0


def test_what_is_remembered_is_bounded(
    store: Store, noticer: Noticer, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(noticing, "MAX_ENDED", 3)
    write(store, *(end(call(clock, f"c{n}"), clock) for n in range(9)))
    assert noticer.calls() == 18
    assert len(noticer._ended) == 3
    assert noticer.calls() == 0


def test_more_calls_than_are_remembered_are_told_once(
    store: Store, hook: str, noticer: Noticer, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At a high rate of calls the deliveries of a long look ago are tidied up, too."""
    monkeypatch.setattr(noticing, "MAX_ENDED", 2)
    monkeypatch.setattr(webhook_queue, "KEPT", 2)
    clock.advance(1)
    write(store, *(end(call(clock, f"c{n}"), clock) for n in range(5)))
    assert noticer.calls() == 10
    queue, now = store.webhook_queue, clock.wall()
    queue.note(
        Result(one, DeliveryState.DELIVERED, now, 200, "", None) for one in queue.claim({hook: 10}, now)
    )
    for _ in range(int(VERY_LATE_S / LONG_LOOK_S) + 2):
        queue.tidy(clock.wall())
        assert noticer.calls() == 0
        clock.advance(LONG_LOOK_S)


@pytest.fixture
def endpoint(store: Store) -> None:
    store.numbers.add(Number(str(DOWN.number), ACCOUNT, ForwardingList.parse(DOWN.uri)))


def nobody(number: str) -> list[TargetHealth]:
    raise AssertionError(f"asked for {number} alone")


def look(
    noticer: Noticer,
    clock: FakeClock,
    *seen: TargetHealth,
    of: Callable[[str], list[TargetHealth]] = nobody,
) -> int:
    clock.advance(5)
    at = clock.wall()
    dated = [one if one.since_at is None else replace(one, since_at=at) for one in seen]
    return noticer.endpoints(lambda number: dated if number is None else of(number))


@pytest.mark.usefixtures("endpoint")
def test_an_endpoint_goes_down_and_comes_up_again(
    store: Store, hook: str, noticer: Noticer, clock: FakeClock
) -> None:
    assert look(noticer, clock, UP) == 0
    assert look(noticer, clock, DOWN) == 1
    assert look(noticer, clock, DOWN) == 0
    assert look(noticer, clock, UP) == 1
    assert look(noticer, clock, UP) == 0
    types = [delivery.type for delivery in reversed(store.webhook_queue.list(hook))]
    assert types == ["endpoint.down", "endpoint.up"]


@pytest.mark.usefixtures("endpoint")
def test_a_restart_of_either_process_tells_nothing_twice(
    store: Store, hook: str, noticer: Noticer, clock: FakeClock
) -> None:
    look(noticer, clock, DOWN)
    again = Noticer(store, NODE, clock.wall)
    assert look(again, clock, DOWN) == 0
    assert look(again, clock) == 0
    assert look(again, clock, UNKNOWN) == 0
    assert look(again, clock, UP) == 1


@pytest.mark.usefixtures("endpoint")
def test_each_node_sees_for_itself(store: Store, hook: str, noticer: Noticer, clock: FakeClock) -> None:
    other = Noticer(store, "n2", clock.wall)
    assert look(noticer, clock, DOWN) == 1
    assert look(other, clock, UP) == 0
    assert look(other, clock, DOWN) == 1


@pytest.mark.usefixtures("endpoint")
def test_gateways_and_others_endpoints_are_nobody_s_business(
    store: Store, noticer: Noticer, clock: FakeClock
) -> None:
    store.accounts.add(Account("other"))
    gateway = replace(DOWN, number=None, account=None, carrier="upstream")
    assert look(noticer, clock, gateway, replace(DOWN, account="other")) == 0


def test_an_endpoint_that_was_taken_off_the_list_is_forgotten(
    store: Store, noticer: Noticer, clock: FakeClock, endpoint: None
) -> None:
    look(noticer, clock, DOWN)
    store.numbers.forward(str(DOWN.number), ForwardingList.parse("sip:other@pbx.example"))
    look(noticer, clock, replace(DOWN, uri="sip:other@pbx.example"))
    assert [one.uri for one in store.webhook_sources.down(NODE)] == ["sip:other@pbx.example"]


def test_what_the_node_no_longer_lists_is_asked_for_in_turn(
    store: Store, hook: str, noticer: Noticer, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(noticing, "MAX_TARGETS", 3)
    monkeypatch.setattr(noticing, "ASKED_AT_ONCE", 2)
    numbers = [f"4930000000{index}" for index in range(6)]
    for e164 in numbers:
        store.numbers.add(Number(e164, ACCOUNT, ForwardingList.parse(DOWN.uri)))
    down = [replace(DOWN, number=e164) for e164 in numbers]
    assert look(noticer, clock, *down[:3]) == 3
    assert look(noticer, clock, *down[3:], of=lambda _: []) == 3
    asked: list[str] = []

    def of(number: str) -> list[TargetHealth]:
        asked.append(number)
        return [replace(UP, number=number, since_at=clock.wall())] if number == numbers[5] else []

    told_before = len(told(store, hook))
    for _ in range(2):
        look(noticer, clock, *down[:3], of=of)
    assert sorted(asked) == sorted([*numbers[3:], asked[0]])
    assert len(told(store, hook)) == told_before + 1
    assert look(noticer, clock, *down[:2]) == 0, "a list that is not full says all"


def test_the_node_is_not_asked_where_nobody_wants_to_be_told(store: Store, clock: FakeClock) -> None:
    def ask(number: str | None) -> list[TargetHealth]:
        raise AssertionError("asked")

    assert Noticer(store, NODE, clock.wall).endpoints(ask) == 0
