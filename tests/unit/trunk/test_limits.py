"""Limits of an account: exact under bursts, idempotent on release, by the UTC day (BEHAVIOUR §4)."""

from dataclasses import replace

import pytest

from tests.unit.virtual_clock import FakeClock
from trunkline.trunk.account import Account
from trunkline.trunk.limits import AccountLimits, Admission
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
    call.answered()
    clock.advance(30)
    call.answered()
    clock.advance(60)
    call.release()
    call.release()
    call.answered()
    assert limits.used_today_s("acme") == pytest.approx(90)
    second = admitted(limits.admit(account))
    second.answered()
    clock.advance(29.5)
    third = admitted(limits.admit(account))
    clock.advance(0.5)
    verdict = refused(limits.admit(account))
    assert verdict.slug is Slug.MINUTES_LIMIT
    assert verdict.retry_after_s == DAY - 1000 - 620
    second.release()
    third.release()
    assert limits.used_today_s("acme") == pytest.approx(120)


def test_a_new_day_begins_at_midnight_utc(limits: AccountLimits, clock: FakeClock) -> None:
    account = Account("acme", minutes_per_day=1)
    ended = admitted(limits.admit(account))
    ended.answered()
    clock.advance(50)
    ended.release()
    clock.advance(DAY - 1000 - 50 - 5)
    across = admitted(limits.admit(account))
    across.answered()
    clock.advance(4)
    assert limits.used_today_s("acme") == pytest.approx(54)
    clock.advance(11)
    assert limits.used_today_s("acme") == pytest.approx(10), "only the part after midnight"
    clock.advance(20)
    across.release()
    assert limits.used_today_s("acme") == pytest.approx(30)
    assert limits.check(account) is None


def test_a_call_over_several_days(limits: AccountLimits, clock: FakeClock) -> None:
    account = Account("acme", minutes_per_day=1)
    call = admitted(limits.admit(account))
    call.answered()
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
    limits.restore("acme", 59.0)
    call = admitted(limits.admit(account))
    call.answered()
    clock.advance(1)
    assert refused(limits.admit(account)).slug is Slug.MINUTES_LIMIT
    clock.advance(DAY)
    assert limits.used_today_s("acme") < DAY + 1


def test_an_unknown_account_has_used_nothing(limits: AccountLimits) -> None:
    assert (limits.calls_up("x"), limits.used_today_s("x")) == (0, 0.0)
