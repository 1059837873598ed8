"""Limits of an account: exact under bursts, idempotent on release, by the UTC day."""

from dataclasses import replace

import pytest

from tests.unit.virtual_clock import FakeClock
from trunkline.errors import DirectoryError
from trunkline.trunk.account import Account
from trunkline.trunk.limits import NOTHING, AccountLimits, Admission, Held, Inbound, inbound_key
from trunkline.trunk.verdict import Slug, Verdict

DAY = 86400


@pytest.fixture
def clock() -> FakeClock:
    """One that starts 1000 s after midnight UTC."""
    return FakeClock(1000.0 + -FakeClock.WALL_OFFSET % DAY)


@pytest.fixture
def limits(clock: FakeClock) -> AccountLimits:
    return AccountLimits(clock)


def admitted(result: Admission | Verdict) -> Admission:
    assert isinstance(result, Admission), result
    return result


def never(verdict: Verdict) -> None:
    raise AssertionError(f"cut off: {verdict}")


def refused(result: Admission | Verdict) -> Verdict:
    assert isinstance(result, Verdict)
    return result


def test_without_limits_everything_is_admitted(limits: AccountLimits) -> None:
    for _ in range(1000):
        admitted(limits.admit(Account("acme")))
    assert limits.calls_up("acme") == 1000


def test_concurrent_calls(limits: AccountLimits) -> None:
    account = Account("acme", max_concurrent=3)
    up = [admitted(limits.admit(account)) for _ in range(3)]
    verdict = refused(limits.admit(account))
    assert (verdict.slug, verdict.status, verdict.retry_after_s) == (Slug.CALL_LIMIT, 503, 5)
    up[0].release()
    up[0].release()
    assert limits.calls_up("acme") == 2
    admitted(limits.admit(account))
    refused(limits.admit(account))


def test_calls_to_its_numbers(limits: AccountLimits, clock: FakeClock) -> None:
    """Beside its outbound ones, and of no minutes."""
    account = Account("acme", max_concurrent=1, max_inbound=2, max_per_second=1, minutes_per_day=1)
    up = [admitted(limits.admit(Inbound.of(account), 6.0)) for _ in range(2)]
    verdict = refused(limits.admit(Inbound.of(account)))
    assert (verdict.slug, verdict.status, verdict.q850) == (Slug.NUMBERS_BUSY, 486, 17)
    assert (verdict.detail, verdict.retry_after_s) == ("2 of 2 calls are up", None)
    admitted(limits.admit(account))
    for call in up:
        call.answered(never)
    clock.advance(120)
    assert (limits.used_today_s("acme"), limits.cost_today("acme")) == (0.0, 0.0)
    key = inbound_key("acme")
    assert limits.here(key) == Held(2)
    up[0].release()
    up[0].release()
    assert (limits.calls_up("acme"), limits.calls_up(key)) == (1, 1)
    admitted(limits.admit(Inbound.of(account)))
    refused(limits.admit(Inbound.of(replace(account, max_inbound=0))))


def test_the_calls_to_its_numbers_are_counted_by_no_account_s_key() -> None:
    with pytest.raises(DirectoryError, match="is not a key"):
        Account(inbound_key("acme"))


def test_none_at_all(limits: AccountLimits) -> None:
    assert refused(limits.admit(Account("acme", max_concurrent=0))).slug is Slug.CALL_LIMIT
    assert refused(limits.admit(Account("acme", max_per_second=0))).slug is Slug.RATE_LIMIT
    assert refused(limits.admit(Account("acme", minutes_per_day=0))).slug is Slug.MINUTES_LIMIT


def test_accounts_do_not_share(limits: AccountLimits) -> None:
    admitted(limits.admit(Account("a", max_concurrent=1)))
    admitted(limits.admit(Account("b", max_concurrent=1)))


def test_a_burst_gets_exactly_its_rate(limits: AccountLimits) -> None:
    account = Account("acme", max_per_second=3)
    results = [limits.admit(account) for _ in range(50)]
    assert [isinstance(result, Admission) for result in results] == [True] * 3 + [False] * 47
    verdict = refused(results[-1])
    assert (verdict.slug, verdict.status, verdict.retry_after_s) == (Slug.RATE_LIMIT, 503, 1)


def test_no_second_wherever_it_begins_holds_more(limits: AccountLimits, clock: FakeClock) -> None:
    account = Account("acme", max_per_second=3)
    moments: list[float] = []
    for _ in range(400):
        if isinstance(limits.admit(account), Admission):
            moments.append(clock.now())
        clock.advance(0.037)
    for start in moments:
        assert sum(start <= moment < start + 1 for moment in moments) <= 3
    assert len(moments) == pytest.approx(3 * 400 * 0.037, abs=3)


def test_the_second_is_half_open(limits: AccountLimits, clock: FakeClock) -> None:
    account = Account("acme", max_per_second=1)
    admitted(limits.admit(account))
    clock.advance(0.999)
    refused(limits.admit(account))
    clock.advance(0.001)
    admitted(limits.admit(account))


def test_refused_calls_do_not_count_in_the_rate(limits: AccountLimits, clock: FakeClock) -> None:
    account = Account("acme", max_concurrent=1, max_per_second=2)
    first = admitted(limits.admit(account))
    for _ in range(10):
        assert refused(limits.admit(account)).slug is Slug.CALL_LIMIT
    first.release()
    admitted(limits.admit(account)).release()
    assert refused(limits.admit(account)).slug is Slug.RATE_LIMIT


def test_a_limit_set_later_counts_the_calls_that_are_up(limits: AccountLimits) -> None:
    account = Account("acme")
    admitted(limits.admit(account))
    refused(limits.admit(replace(account, max_concurrent=1)))


def test_minutes_of_the_day(limits: AccountLimits, clock: FakeClock) -> None:
    account = Account("acme", minutes_per_day=2)
    call = admitted(limits.admit(account))
    clock.advance(500)
    assert limits.used_today_s("acme") == 0, "ringing costs nothing"
    call.answered(never)
    clock.advance(30)
    call.answered(never)
    clock.advance(60)
    call.release()
    call.release()
    call.answered(never)
    assert limits.used_today_s("acme") == pytest.approx(90)
    second = admitted(limits.admit(account))
    cut: list[Slug] = []
    second.answered(lambda verdict: cut.append(verdict.slug))
    clock.advance(29.5)
    third = admitted(limits.admit(account))
    clock.advance(0.499)
    assert cut == []
    clock.advance(0.001)
    assert cut == [Slug.MINUTES_LIMIT], "a call that is up ends when the minutes are used up"
    verdict = refused(limits.admit(account))
    assert (verdict.slug, verdict.detail) == (Slug.MINUTES_LIMIT, "2 minutes a day are allowed")
    assert verdict.retry_after_s == DAY - 1000 - 620
    second.release()
    third.release()
    assert limits.used_today_s("acme") == pytest.approx(120)


def test_a_new_day_begins_at_midnight_utc(limits: AccountLimits, clock: FakeClock) -> None:
    account = Account("acme", minutes_per_day=1)
    ended = admitted(limits.admit(account))
    ended.answered(never)
    clock.advance(50)
    ended.release()
    clock.advance(DAY - 1000 - 50 - 5)
    across = admitted(limits.admit(account))
    across.answered(never)
    clock.advance(4)
    assert limits.used_today_s("acme") == pytest.approx(54)
    clock.advance(11)
    assert limits.used_today_s("acme") == pytest.approx(10), "only the part after midnight"
    clock.advance(20)
    across.release()
    assert limits.used_today_s("acme") == pytest.approx(30)
    assert limits.check(account) is None


def test_a_wall_clock_that_was_put_back_over_midnight_gives_no_second_day(
    limits: AccountLimits, clock: FakeClock
) -> None:
    account = Account("acme", minutes_per_day=1)
    clock.advance(DAY - 1000 + 600)
    call = admitted(limits.admit(account))
    call.answered(never)
    clock.advance(40)
    clock.step_wall(-3600)
    assert limits.used_today_s("acme") == pytest.approx(40)
    clock.advance(10)
    call.release()
    assert limits.used_today_s("acme") == pytest.approx(50)
    clock.advance(3600)
    assert limits.used_today_s("acme") == pytest.approx(50), "the same day again"
    clock.advance(DAY)
    assert limits.used_today_s("acme") == pytest.approx(0)


def test_a_call_over_several_days(limits: AccountLimits, clock: FakeClock) -> None:
    account = Account("acme")
    call = admitted(limits.admit(account))
    call.answered(never)
    clock.advance(3 * DAY)
    call.release()
    assert limits.used_today_s("acme") == pytest.approx(1000)
    clock.advance(DAY)
    assert limits.used_today_s("acme") == pytest.approx(0)


def test_check_changes_nothing(limits: AccountLimits) -> None:
    account = Account("acme", max_concurrent=1, max_per_second=1)
    for _ in range(5):
        assert limits.check(account) is None
    admitted(limits.admit(account))
    verdict = limits.check(account)
    assert verdict is not None
    assert verdict.slug is Slug.CALL_LIMIT


def test_restore_after_a_restart(limits: AccountLimits, clock: FakeClock) -> None:
    account = Account("acme", minutes_per_day=1)
    limits.restore(account, 59.0, 0.0)
    call = admitted(limits.admit(account))
    cut: list[Verdict] = []
    call.answered(cut.append)
    clock.advance(1)
    assert refused(limits.admit(account)).slug is Slug.MINUTES_LIMIT
    assert len(cut) == 1
    call.release()
    assert limits.used_today_s("acme") == pytest.approx(60)


def test_what_is_restored_late_adds_to_what_was_used_since(limits: AccountLimits, clock: FakeClock) -> None:
    account = Account("acme", minutes_per_day=1)
    changed: list[str] = []
    limits.follow(changed.append)
    cut: list[Verdict] = []
    calls = [admitted(limits.admit(account)) for _ in range(2)]
    for call in calls:
        call.answered(cut.append)
    clock.advance(10)
    calls[0].release()
    changed.clear()
    limits.restore(account, 30.0, 0.0)
    assert changed == ["acme"]
    assert limits.used_today_s("acme") == pytest.approx(50)
    clock.advance(10.1)
    assert len(cut) == 1, "at the moment at which the day is used up now"


def test_what_a_day_may_cost(limits: AccountLimits, clock: FakeClock) -> None:
    """Two calls at different prices: the sum of both counts, and both end when it is reached."""
    account = Account("acme", cost_per_day=1.0)
    cut: list[Slug] = []
    calls = [admitted(limits.admit(account, price)) for price in (0.60, 0.30, 0.0)]
    for call in calls:
        call.answered(lambda verdict: cut.append(verdict.slug))
    clock.advance(60)
    assert limits.cost_today("acme") == pytest.approx(0.9)
    clock.advance(6.6)
    assert cut == []
    clock.advance(0.1)
    assert cut == [Slug.COST_LIMIT] * 3
    for call in calls:
        call.release()
    assert limits.cost_today("acme") == pytest.approx(1.0, abs=0.01)
    verdict = refused(limits.admit(account, 0.6))
    assert (verdict.slug, verdict.detail) == (Slug.COST_LIMIT, "calls for 1 a day are allowed")
    clock.advance(DAY)
    admitted(limits.admit(account, 0.6))


def test_two_hundred_calls_share_what_is_left(limits: AccountLimits, clock: FakeClock) -> None:
    account = Account("acme", minutes_per_day=10)
    calls = [admitted(limits.admit(account)) for _ in range(200)]
    for call in calls:
        call.answered(lambda _verdict, call=call: call.release())  # type: ignore[misc]
    clock.advance(2.99)
    assert limits.calls_up("acme") == 200
    clock.advance(0.02)
    assert limits.calls_up("acme") == 0
    assert limits.used_today_s("acme") == pytest.approx(600, abs=2)


def test_a_call_that_ends_leaves_more_time_to_the_others(limits: AccountLimits, clock: FakeClock) -> None:
    account = Account("acme", minutes_per_day=1)
    cut: list[Verdict] = []
    first, second = (admitted(limits.admit(account)) for _ in range(2))
    first.answered(cut.append)
    second.answered(cut.append)
    clock.advance(20)
    first.release()
    clock.advance(19.9)
    assert cut == []
    clock.advance(0.2)
    assert len(cut) == 1


def test_midnight_gives_running_calls_a_new_day(limits: AccountLimits, clock: FakeClock) -> None:
    account = Account("acme", minutes_per_day=2)
    clock.advance(DAY - 1000 - 60)
    cut: list[Verdict] = []
    admitted(limits.admit(account)).answered(cut.append)
    clock.advance(60 + 119)
    assert cut == []
    clock.advance(2)
    assert len(cut) == 1


def test_an_unknown_account_has_used_nothing(limits: AccountLimits) -> None:
    assert (limits.calls_up("x"), limits.used_today_s("x")) == (0, 0.0)


def test_somebody_who_knows_more_lets_calls_in(limits: AccountLimits) -> None:
    account = Account("acme", max_concurrent=1, max_per_second=1)
    for _ in range(3):
        limits.enter(account)
    assert limits.here("acme").up == 3


def test_a_question_is_answered_at_once(limits: AccountLimits) -> None:
    account = Account("acme", max_concurrent=1)
    decided: list[Admission | Verdict] = []
    limits.ask(account, 0.0, decided.append)
    limits.ask(account, 0.0, decided.append)
    admitted(decided[0])
    refused(decided[1])


def test_what_is_held_elsewhere_counts(limits: AccountLimits, clock: FakeClock) -> None:
    account = Account("acme", max_concurrent=3, minutes_per_day=2)
    call = admitted(limits.admit(account, 6.0))
    cut: list[Verdict] = []
    call.answered(cut.append)
    clock.advance(20)
    limits.told(account, Held(2, 60.0, 6.0, 1.0, 0.1))
    assert refused(limits.admit(account)).detail == "3 of 3 calls are up"
    assert limits.calls_up("acme") == 3
    clock.advance(10)
    here, there = limits.here("acme"), limits.elsewhere("acme")
    assert [here.up, here.seconds, here.cost, here.cost_rate] == pytest.approx([1, 30, 3, 0.1])
    assert [there.up, there.seconds, there.cost, there.cost_rate] == pytest.approx([2, 70, 7, 0.1])
    assert limits.used_today_s("acme") == pytest.approx(100)
    assert limits.cost_today("acme") == pytest.approx(10)
    clock.advance(9.9)
    assert not cut
    clock.advance(0.2)
    assert [verdict.slug for verdict in cut] == [Slug.MINUTES_LIMIT]


def test_midnight_holds_elsewhere_too(limits: AccountLimits, clock: FakeClock) -> None:
    account = Account("acme", minutes_per_day=2)
    limits.told(account, Held(1, 119.0, 0.0, 1.0, 0.0))
    clock.advance(DAY - 1000 + 30)
    assert limits.elsewhere("acme").seconds == pytest.approx(30)
    assert limits.until_midnight_s(account) == DAY - 30


def test_who_follows_hears_of_every_change(limits: AccountLimits) -> None:
    heard: list[Held] = []
    limits.follow(lambda key: heard.append(limits.here(key)))
    call = admitted(limits.admit(Account("acme")))
    call.answered(never)
    call.release()
    call.release()
    assert [(held.up, held.seconds_rate) for held in heard] == [(1, 0.0), (1, 1.0), (0, 0.0)]


def test_accounts_that_had_calls(limits: AccountLimits) -> None:
    assert (limits.accounts(), limits.account("acme")) == ([], None)
    assert limits.here("acme") is limits.elsewhere("acme") is NOTHING
    limits.enter(Account("acme"))
    assert (limits.accounts(), limits.account("acme")) == ([Account("acme")], Account("acme"))
