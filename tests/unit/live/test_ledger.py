"""Limits over several nodes, against answers of a server written by hand, on a clock that stands still."""

from dataclasses import replace

import pytest

from tests.unit.virtual_clock import FakeClock
from trunkline.live import ledger as ledger_module
from trunkline.live.ledger import Ledger, Standing
from trunkline.live.words import Answer, Ask, Base, Joined, Saying, Use
from trunkline.trunk.account import Account
from trunkline.trunk.limits import NOTHING, AccountLimits, Admission, Counted, Held, Inbound
from trunkline.trunk.verdict import Slug, Verdict

ACME = Account("acme", max_concurrent=6)
DAY = 86400


class Desk:
    """A ledger, and who asks it."""

    def __init__(self) -> None:
        self.clock = FakeClock(1000.0 + -FakeClock.WALL_OFFSET % DAY)
        self.limits = AccountLimits(self.clock)
        self.woken = 0
        self.leases = 0
        self.faults: list[Exception] = []
        self.decided: list[Admission | Verdict] = []
        self.ledger = Ledger(
            self.limits,
            self.clock,
            self._token,
            node="a",
            lease_s=6.0,
            settle_s=3.0,
            wake=self._wake,
            faulted=self.faults.append,
        )

    def _token(self) -> str:
        self.leases += 1
        return f"lease-{self.leases}"

    def _wake(self) -> None:
        self.woken += 1

    def join(self, nodes: int = 3, settling_s: float = 0.0, *, born: bool = False) -> None:
        self.ledger.registration()
        self.ledger.joined(Joined(nodes, settling_s, 0, born))

    def ask(self, account: Counted = ACME, price: float = 0.0) -> None:
        self.ledger.ask(account, price, self.decided.append)

    def answer(self, *answers: Answer, nodes: int = 3, settling_s: float = 0.0) -> list[Saying]:
        said = self.ledger.sayings()
        assert len(said) == len(answers), said
        self.ledger.answered(nodes, settling_s, answers)
        return said

    def stands(self, standing: Standing) -> bool:
        return self.ledger.standing is standing

    @property
    def calls(self) -> list[Admission]:
        return [one for one in self.decided if isinstance(one, Admission)]

    @property
    def refused(self) -> list[Verdict]:
        return [one for one in self.decided if isinstance(one, Verdict)]


def never(verdict: Verdict) -> None:
    raise AssertionError(verdict)


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_the_server_decides(desk: Desk) -> None:
    desk.join()
    assert desk.stands(Standing.EXACT)
    desk.ask()
    desk.ask()
    assert not desk.decided
    assert desk.woken == 2
    said = desk.answer(Answer("yes", Held(4)), Answer("call", Held(5)))
    assert said == [Ask("acme", 6, None, None, None)] * 2
    assert (len(desk.calls), desk.refused[0].detail) == (1, "6 of 6 calls are up")
    assert not desk.ledger.has_more, "the server has counted what it admitted"
    desk.calls[0].release()
    assert desk.answer(Answer("", None)) == [Use("acme", -1, NOTHING, wants=False)]


def test_calls_to_its_numbers_are_asked_for_beside_its_own(desk: Desk) -> None:
    desk.join()
    account = replace(ACME, max_inbound=3)
    for counted in (Inbound.of(account), Inbound.of(account), account):
        desk.ask(counted)
    said = desk.answer(Answer("yes", Held(1)), Answer("call", Held(2)), Answer("yes", Held(2)))
    assert said == [Ask("<acme", 3, None, None, None)] * 2 + [Ask("acme", 6, None, None, None)]
    (busy,) = desk.refused
    assert (busy.slug, busy.detail) == (Slug.NUMBERS_BUSY, "3 of 3 calls are up")
    for call in desk.calls:
        call.answered(never)
        call.release()
    assert desk.answer(Answer("", None), Answer("", None)) == [
        Use("<acme", -1, NOTHING, wants=False),
        Use("acme", -1, NOTHING, wants=False),
    ]


def test_calls_to_its_numbers_without_the_server(desk: Desk) -> None:
    """This node's share of them."""
    desk.join()
    desk.ledger.lost()
    for _ in range(3):
        desk.ask(Inbound.of(replace(ACME, max_inbound=6)))
    (busy,) = desk.refused
    assert busy.slug is Slug.NUMBERS_BUSY
    assert busy.detail == "2 of 2 calls are up: this node's share while the live state is away"


@pytest.mark.parametrize(
    ("word", "slug"),
    [("rate", Slug.RATE_LIMIT), ("minutes", Slug.MINUTES_LIMIT), ("cost", Slug.COST_LIMIT)],
)
def test_refusals_are_in_the_words_of_the_local_limits(desk: Desk, word: str, slug: Slug) -> None:
    desk.join()
    desk.ask(Account("acme", max_per_second=3, minutes_per_day=10, cost_per_day=2.5))
    assert desk.answer(Answer(word, NOTHING)) == [Ask("acme", None, 3, 600.0, 2.5)]
    (verdict,) = desk.refused
    assert verdict.slug is slug
    assert verdict.retry_after_s == (1 if word == "rate" else DAY - 1000)


def test_a_node_that_has_only_just_begun_waits_for_the_first_word(desk: Desk) -> None:
    """It knows of no others yet: its share would be the whole limit."""
    desk.ask(replace(ACME, max_concurrent=1))
    assert not desk.decided
    desk.join()
    desk.answer(Answer("call", Held(1)))
    assert len(desk.refused) == 1


def test_an_account_without_limits_does_not_wait_but_is_told(desk: Desk) -> None:
    desk.join()
    desk.ask(Account("free"))
    assert len(desk.calls) == 1
    assert desk.answer(Answer("", None)) == [Use("free", 1, Held(1), wants=False)]


def test_what_is_said_of_calls_adds_up(desk: Desk) -> None:
    desk.join()
    for _ in range(2):
        desk.ask(Account("free"))
    assert desk.answer(Answer("", None)) == [Use("free", 2, Held(2), wants=False)]
    desk.ask(Account("free"))
    assert desk.answer(Answer("", None)) == [Use("free", 1, Held(3), wants=False)]
    for call in desk.calls:
        call.release()
    assert desk.answer(Answer("", None)) == [Use("free", -3, NOTHING, wants=False)]
    desk.ask(Account("free"))
    assert desk.answer(Answer("", None)) == [Use("free", 1, Held(1), wants=False)]


def test_what_has_ended_is_said_before_what_is_asked(desk: Desk) -> None:
    desk.join()
    desk.ask()
    desk.answer(Answer("yes", NOTHING))
    desk.ask()
    desk.calls[0].release()
    use, ask = desk.answer(Answer("", None), Answer("yes", NOTHING))
    assert (type(use), type(ask)) == (Use, Ask)


def test_shares_while_nothing_is_known(desk: Desk) -> None:
    desk.ledger.lost()
    assert desk.stands(Standing.AWAY)
    for _ in range(7):
        desk.ask()
    assert (len(desk.calls), len(desk.refused)) == (6, 1), "no other node was ever seen"


def test_a_server_that_is_lost(desk: Desk) -> None:
    """Who waits is decided at once, by the share; so is everybody until it is back, and nothing waits."""
    desk.join(nodes=3)
    desk.ask()
    desk.answer(Answer("yes", Held(1)))
    desk.ask()
    desk.ledger.sayings()
    desk.ask()
    assert len(desk.decided) == 1
    desk.ledger.lost()
    assert (len(desk.calls), len(desk.refused)) == (2, 1), "of 6 calls, 3 nodes have 2 each"
    assert "share" in desk.refused[0].detail
    desk.ask()
    assert len(desk.refused) == 2
    assert desk.stands(Standing.AWAY)
    registration = desk.ledger.registration()
    assert (registration.earlier, registration.lease) == ("lease-1", "lease-2")
    assert registration.held == [("acme", Held(2))], "all that is up is said again, and nothing else"


def test_a_registration_that_came_to_nothing_does_not_hide_the_lease_before_it(desk: Desk) -> None:
    """Whether the server has heard of it is not known."""
    desk.join()
    for earlier in ("lease-1", "lease-1 lease-2", "lease-1 lease-2 lease-3"):
        desk.ledger.lost()
        assert desk.ledger.registration().earlier == earlier
    desk.join()
    desk.ledger.lost()
    assert desk.ledger.registration().earlier == "lease-5"


def test_the_leases_that_are_dropped_are_bounded(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_module, "EARLIER_MAX", 3)
    desk.join()
    assert [desk.ledger.registration().earlier for _ in range(5)] == [
        "lease-1",
        "lease-1 lease-2",
        "lease-1 lease-2 lease-3",
        "lease-1 lease-3 lease-4",
        "lease-1 lease-4 lease-5",
    ]


@pytest.mark.parametrize(("limit", "nodes", "share"), [(20, 3, 6), (2, 3, 1), (0, 3, 0), (5, 1, 5)])
def test_a_share(desk: Desk, limit: int, nodes: int, share: int) -> None:
    desk.join(nodes=nodes)
    desk.ledger.lost()
    for _ in range(30):
        desk.ask(Account("acme", max_concurrent=limit))
    assert len(desk.calls) == share


def test_the_rate_is_shared_too(desk: Desk) -> None:
    desk.join(nodes=2)
    desk.ledger.lost()
    for _ in range(9):
        desk.ask(Account("acme", max_per_second=4))
    assert len(desk.calls) == 2
    desk.clock.advance(1)
    desk.ask(Account("acme", max_per_second=4))
    assert len(desk.calls) == 3


def test_of_a_day_each_gets_its_part_of_what_is_left(desk: Desk) -> None:
    account = Account("acme", minutes_per_day=10, cost_per_day=1000.0)
    desk.join(nodes=3)
    desk.ask(account)
    desk.answer(Answer("yes", Held(2, 240.0, 0.0, 2.0, 0.0)))
    cut: list[Verdict] = []
    desk.calls[0].answered(cut.append)
    desk.ledger.lost()
    desk.clock.advance(119.0)
    assert not cut
    desk.clock.advance(1.0)
    assert [verdict.slug for verdict in cut] == [Slug.MINUTES_LIMIT], "a third of the 360 s that were left"
    desk.calls[0].release()
    desk.ask(account)
    assert desk.refused[-1].slug is Slug.MINUTES_LIMIT


def test_of_a_day_s_money_each_gets_its_part_each_time_that_the_server_is_away(desk: Desk) -> None:
    account, others = Account("acme", cost_per_day=10.0), Held(1, 0.0, 2.0, 0.0, 0.0)
    desk.join(nodes=4)
    desk.ask(account)
    desk.answer(Answer("yes", others), nodes=4)
    desk.ledger.lost()
    assert desk.limits.elsewhere("acme").cost == pytest.approx(8.0), "three parts of four of 8"
    desk.join(nodes=2)
    desk.answer(Answer("", others), nodes=2)
    desk.ledger.lost()
    assert desk.limits.elsewhere("acme").cost == pytest.approx(6.0)


def test_all_nodes_have_the_same_day(desk: Desk) -> None:
    assert desk.ledger.registration().day == desk.clock.wall() // DAY


def test_an_account_that_was_never_asked_for_has_its_part_of_the_day(desk: Desk) -> None:
    desk.join(nodes=4)
    desk.ledger.lost()
    desk.ask(Account("acme", minutes_per_day=4))
    cut: list[Verdict] = []
    desk.calls[0].answered(cut.append)
    desk.clock.advance(59.0)
    assert not cut
    desk.clock.advance(1.5)
    assert cut


def test_settling_is_by_shares(desk: Desk) -> None:
    desk.join(nodes=3, settling_s=3.0)
    assert desk.stands(Standing.SETTLING)
    for _ in range(3):
        desk.ask()
    assert (len(desk.calls), len(desk.refused)) == (2, 1)
    assert desk.answer(Answer("", None)) == [Use("acme", 2, Held(2), wants=False)]
    desk.clock.advance(3.0)
    assert desk.stands(Standing.EXACT)
    desk.ask()
    desk.answer(Answer("settling", None), settling_s=2.0)
    assert len(desk.refused) == 2, "another node came back meanwhile"
    assert desk.stands(Standing.SETTLING)


def test_what_the_others_hold_does_not_cut_the_share(desk: Desk) -> None:
    account = replace(ACME, minutes_per_day=100)
    desk.join(nodes=3)
    desk.ask(account)
    desk.answer(Answer("yes", Held(5)))
    desk.ledger.lost()
    desk.join(nodes=3, settling_s=3.0)
    desk.answer(Answer("", Held(5)), settling_s=3.0)
    desk.ask(account)
    assert len(desk.calls) == 2


def test_minutes_of_others_end_calls_here(desk: Desk) -> None:
    account = Account("acme", minutes_per_day=1)
    desk.join()
    desk.ask(account)
    desk.answer(Answer("yes", Held(1, 40.0, 0.0, 1.0, 0.0)))
    cut: list[Verdict] = []
    desk.calls[0].answered(cut.append)
    desk.answer(Answer("", Held(1, 40.0, 0.0, 1.0, 0.0)))
    desk.clock.advance(9.9)
    assert not cut
    desk.ledger.renew()
    (use,) = desk.answer(Answer("", Held(0, 49.0, 0.0, 0.0, 0.0)))
    assert isinstance(use, Use)
    assert (use.more, use.wants) == (0, True)
    assert use.held.seconds == pytest.approx(9.9)
    desk.clock.advance(1.0)
    assert not cut, "the other call has ended"
    desk.clock.advance(0.2)
    assert cut
    desk.calls[0].release()
    desk.answer(Answer("", NOTHING))
    desk.ledger.renew()
    assert not desk.ledger.has_more


def test_what_changed_while_a_registration_was_under_way_is_said(desk: Desk) -> None:
    desk.ledger.lost()
    desk.ledger.registration()
    desk.ask()
    desk.ledger.joined(Joined(1, 0.0, 0, born=False))
    assert desk.answer(Answer("", None), nodes=1) == [Use("acme", 1, Held(1), wants=False)]


def test_what_a_registration_has_said_is_known_there(desk: Desk) -> None:
    """A call that ends then leaves no other behind in the count."""
    desk.join()
    desk.ask()
    desk.answer(Answer("yes", NOTHING))
    desk.ledger.lost()
    desk.ask()
    desk.join()
    assert desk.answer(Answer("", None)) == [Use("acme", 0, Held(2), wants=False)]
    desk.calls[0].release()
    assert desk.answer(Answer("", None)) == [Use("acme", -1, Held(1), wants=False)]


def test_records_of_other_nodes_are_said_to_a_server_that_may_not_know(desk: Desk) -> None:
    base = Base("b", "acme", 60.0, 1.0)
    desk.ledger.remember([base])
    desk.join()
    assert desk.answer(Answer("", None)) == [base]
    desk.ledger.lost()
    desk.join()
    assert not desk.ledger.has_more
    desk.ledger.lost()
    desk.join(born=True)
    assert desk.answer(Answer("", None)) == [base]


def test_the_next_day_is_shared_out_too(desk: Desk) -> None:
    """The server is away over midnight."""
    account = Account("acme", minutes_per_day=30)
    desk.join(nodes=3)
    desk.ledger.lost()
    desk.ask(account)
    assert desk.limits.elsewhere("acme").seconds == pytest.approx(1200)
    desk.clock.advance(DAY - 1000)
    desk.ask(account)
    assert desk.limits.elsewhere("acme").seconds == pytest.approx(1200), "of the new one"
    desk.calls[-1].answered(lambda _: desk.calls[-1].release())
    desk.clock.advance(601)
    desk.ask(account)
    assert [one.slug for one in desk.refused] == [Slug.MINUTES_LIMIT]


def test_records_of_another_day_are_not_said(desk: Desk) -> None:
    desk.ledger.remember([Base("b", "acme", 60.0, 1.0)])
    desk.join()
    desk.answer(Answer("", None))
    desk.clock.advance(DAY)
    desk.ledger.lost()
    desk.join(born=True)
    assert not desk.ledger.has_more, "they would count for today"


def test_usage_of_before_a_restart_is_said(desk: Desk) -> None:
    desk.limits.restore(ACME, 30.0, 1.0)
    desk.join()
    assert desk.answer(Answer("", None)) == [Use("acme", 0, Held(0, 30.0, 1.0), wants=False)]


def test_a_call_that_raises_costs_itself(desk: Desk) -> None:
    def broken(decided: Admission | Verdict) -> None:
        raise RuntimeError("a fault")

    desk.join()
    desk.ledger.ask(ACME, 0.0, broken)
    desk.ask()
    desk.answer(Answer("yes", NOTHING), Answer("yes", NOTHING))
    assert len(desk.calls) == 1
    assert [str(fault) for fault in desk.faults] == ["a fault"]


def test_it_is_bounded(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_module, "WAITING_MAX", 2)
    monkeypatch.setattr(ledger_module, "AT_ONCE", 1)
    desk.join(nodes=6)
    for _ in range(3):
        desk.ask()
    assert len(desk.decided) == 1, "beyond the bound, the share decides"
    assert len(desk.ledger.sayings()) == 2, "one question, one change"
    assert desk.ledger.has_more
