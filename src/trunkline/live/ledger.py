"""The limits of accounts, held exactly by all nodes together: `call.ports.CallLimits` over a shared count.

    AWAY ──registered──▶ SETTLING ──every node has had time to register──▶ EXACT
      ▲                     │                                                │
      └───── no answer, no connection, a lapsed lease ──────────────────────┘

EXACT: each call is asked for at the server, which counts and decides in one step; what calls hold afterwards
is said there without waiting. AWAY, SETTLING: a call is decided here, at once, by this node's share of the
limit: the limit divided by the nodes that were seen last, at least 1; of what a day still allowed, the same
part.

Nothing counts double: the server has a node's calls under the node's lease, and a node that was away begins
another, drops the earlier ones, of which it may not know which the server has heard of, and says again all
that it holds. What was under way on the old connection then has no effect. What a day has used is said as a
sum, never as a difference.

An account without limits doesn't wait for the server; it is told all the same, for a limit may be set while
its calls are up. To the server, the calls to an account's numbers are those of another account
(`trunk.limits.inbound_key`). Driven by `link`.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from trunkline.clock import Clock
from trunkline.live.words import Answer, Ask, Base, Joined, Registration, Saying, Use
from trunkline.trunk.limits import (
    AccountLimits,
    Admission,
    Counted,
    Held,
    call_limit,
    cost_limit,
    minutes_limit,
    rate_limit,
)
from trunkline.trunk.verdict import Verdict

AT_ONCE = 500
"""Sayings in one exchange: what the server does as one step."""
WAITING_MAX = 5000
"""Calls that may wait for the server's word; beyond it, a call is decided by the node's share."""
EARLIER_MAX = 100
"""Leases that a registration drops: more of them fail in a row only where the last ones have lapsed."""
_DAY_S = 86400
_MINUTE_S = 60.0

Decided = Callable[[Admission | Verdict], None]


class Standing(StrEnum):
    """Who decides on calls."""

    AWAY = "away"
    """The server can't be asked: this node alone, by its share."""
    SETTLING = "settling"
    """It can, but not every node may have said what it holds: by shares still."""
    EXACT = "exact"


@dataclass(frozen=True, slots=True)
class _Question:
    """A call that waits for the server's word."""

    account: Counted
    price_per_minute: float
    decided: Decided


class Ledger:
    """See the module."""

    def __init__(
        self,
        limits: AccountLimits,
        clock: Clock,
        token: Callable[[], str],
        *,
        node: str,
        lease_s: float,
        settle_s: float,
        wake: Callable[[], None],
        faulted: Callable[[Exception], None],
    ) -> None:
        """`token` makes names of leases, `wake` is called when there is something to say. `settle_s` is how
        long another node may need to register once the server is back. `faulted` gets what a call raises that
        is told; it must not raise itself.
        """
        self._limits = limits
        self._clock = clock
        self._token = token
        self._node = node
        self._lease_s = lease_s
        self._settle_s = settle_s
        self._wake = wake
        self._faulted = faulted
        self._joined = False
        self._joined_before = False
        self._tried = False
        """Whether the server was reached, or found away, at least once."""
        self._settled_at = 0.0
        self.lease = ""
        self._earlier: list[str] = []
        """The lease that was joined last, and those that were begun since."""
        self.nodes = 1
        """Seen last, this one included."""
        self._known_up: dict[str, int] = {}
        """What the server has of this node under the lease, once all that was sent is done."""
        self._questions: list[_Question] = []
        self._changed: dict[str, None] = {}
        self._bases: list[Base] = []
        self._bases_of = 0
        """The day that they are about."""
        self._bases_to_say: list[Base] = []
        self._shared_out: dict[str, int] = {}
        """Accounts whose share of a day was set since the server is away, and of which."""
        self._metered: set[str] = set()
        """Accounts with a daily limit that have answered calls here."""
        self._asked: list[_Question] = []
        self._used: list[str] = []
        limits.follow(self._account_changed)

    @property
    def clock(self) -> Clock:
        """The node's."""
        return self._clock

    @property
    def standing(self) -> Standing:
        """Who decides on calls now."""
        if not self._joined:
            return Standing.AWAY
        return Standing.SETTLING if self._clock.now() < self._settled_at else Standing.EXACT

    @property
    def day(self) -> int:
        """The UTC day, in days since the epoch."""
        return int(self._clock.wall() // _DAY_S)

    # -- calls -------------------------------------------------------------------------------------

    def ask(self, account: Counted, price_per_minute: float, decided: Decided) -> None:
        """May one more call of the account begin? See `call.ports.CallLimits`."""
        limits = (
            account.max_concurrent,
            account.max_per_second,
            account.minutes_per_day,
            account.cost_per_day,
        )
        if all(limit is None for limit in limits):
            decided(self._limits.enter(account, price_per_minute))
        elif self._may_wait and len(self._questions) + len(self._asked) < WAITING_MAX:
            self._questions.append(_Question(account, price_per_minute, decided))
            self._wake()
        else:
            decided(self._by_share(account, price_per_minute))

    @property
    def _may_wait(self) -> bool:
        """Whether a call waits for the server's word: a node that has only just begun knows of no others, and
        would take the whole limit for its share.
        """
        return not self._tried or self.standing is Standing.EXACT

    def _by_share(self, account: Counted, price_per_minute: float) -> Admission | Verdict:
        self._share_out(account)
        nodes = self.nodes
        decided = self._limits.admit(
            replace(
                account,
                max_concurrent=_share(account.max_concurrent, nodes),
                max_per_second=_share(account.max_per_second, nodes),
            ),
            price_per_minute,
        )
        if isinstance(decided, Verdict) and nodes > 1:
            return replace(
                decided, detail=f"{decided.detail}: this node's share while the live state is away"
            )
        return decided

    def _share_out(self, account: Counted) -> None:
        """Leave this node its part of what the day still allows the account."""
        key, day = account.key, self.day
        if self._shared_out.get(key) == day:
            return
        self._shared_out[key] = day
        here, there = self._limits.here(key), self._limits.elsewhere(key)
        others = (self.nodes - 1) / self.nodes
        seconds, cost = there.seconds, there.cost
        if account.minutes_per_day is not None:
            seconds += max(0.0, account.minutes_per_day * _MINUTE_S - here.seconds - seconds) * others
        if account.cost_per_day is not None:
            cost += max(0.0, account.cost_per_day - here.cost - cost) * others
        self._limits.told(account, Held(0, seconds, cost))

    def _account_changed(self, key: str) -> None:
        held = self._limits.here(key)
        daily = self._has_daily_limit(key)
        if daily and held.seconds_rate > 0.0:
            self._metered.add(key)
        else:
            self._metered.discard(key)
        if not self._joined:
            self._changed[key] = None
        elif daily or held.up != self._known_up.get(key, 0):
            self._changed[key] = None
            self._wake()

    def _has_daily_limit(self, key: str) -> bool:
        account = self._limits.account(key)
        return account is not None and (
            account.minutes_per_day is not None or account.cost_per_day is not None
        )

    # -- the conversation --------------------------------------------------------------------------

    def remember(self, bases: Iterable[Base]) -> None:
        """What the records say of today's usage at other nodes: said to a server that may not know."""
        self._bases, self._bases_of = list(bases), self.day

    def registration(self) -> Registration:
        """What to begin a new lease with: every call that is up here."""
        earlier = " ".join(self._earlier)
        self.lease = self._token()
        del self._earlier[1 : 2 - EARLIER_MAX]
        self._earlier.append(self.lease)
        up = [(account.key, self._limits.here(account.key)) for account in self._limits.accounts()]
        held = [(key, one) for key, one in up if one.up]
        self._known_up = {key: one.up for key, one in held}
        self._changed = {key: None for key, one in up if one.seconds > 0.0 and not one.up}
        return Registration(self.lease, self._node, self._lease_s, self.day, earlier, self._settle_s, held)

    def joined(self, joined: Joined) -> None:
        """The lease has begun."""
        if joined.born or not self._joined_before:
            self._bases_to_say = list(self._bases) if self._bases_of == self.day else []
        self._joined = self._joined_before = self._tried = True
        self._earlier = [self.lease]
        self._hear(joined.nodes, joined.settling_s)
        for key in self._shared_out.keys() | self._metered:
            self._changed[key] = None

    def sayings(self) -> list[Saying]:
        """What to say next, at most `AT_ONCE` of each kind: what calls have given back before new ones are
        asked for. The answers go to `answered`, or all of it was `lost`.
        """
        self._used = list(self._changed)[:AT_ONCE]
        for key in self._used:
            del self._changed[key]
        self._asked, self._questions = self._questions[:AT_ONCE], self._questions[AT_ONCE:]
        bases = self._bases_to_say[:AT_ONCE]
        del self._bases_to_say[:AT_ONCE]
        uses = [self._use(key) for key in self._used]
        return [*uses, *(_question(one.account) for one in self._asked), *bases]

    def renew(self) -> None:
        """Once a lease is to be renewed: state what grows, and ask for what the others have of it."""
        for key in self._metered:
            self._changed[key] = None

    @property
    def has_more(self) -> bool:
        """Whether something waits to be said."""
        return bool(self._questions or self._changed or self._bases_to_say)

    def _use(self, key: str) -> Use:
        held = self._limits.here(key)
        more = held.up - self._known_up.get(key, 0)
        if held.up:
            self._known_up[key] = held.up
        else:
            self._known_up.pop(key, None)
        return Use(key, more, held, wants=self._has_daily_limit(key))

    def answered(self, nodes: int, settling_s: float, answers: Sequence[Answer]) -> None:
        """The answers to `sayings`."""
        self._hear(nodes, settling_s)
        asked, self._asked = self._asked, []
        used, self._used = self._used, []
        exact = self.standing is Standing.EXACT
        for key, answer in zip(used, answers, strict=False):
            account, elsewhere = self._limits.account(key), answer.elsewhere
            if account is not None and elsewhere is not None:
                self._limits.told(account, elsewhere if exact else replace(elsewhere, up=0))
        for question, answer in zip(asked, answers[len(used) :], strict=False):
            self._decide(question, answer)

    def _hear(self, nodes: int, settling_s: float) -> None:
        self.nodes = max(1, nodes)
        self._settled_at = self._clock.now() + settling_s if settling_s > 0.0 else 0.0

    def _decide(self, question: _Question, answer: Answer) -> None:
        account, elsewhere = question.account, answer.elsewhere
        if elsewhere is None:
            self._tell(question, self._by_share(account, question.price_per_minute))
            return
        self._limits.told(account, elsewhere)
        if answer.word != "yes":
            self._tell(question, self._refusal(account, answer.word, elsewhere))
            return
        self._known_up[account.key] = self._known_up.get(account.key, 0) + 1
        self._tell(question, self._limits.enter(account, question.price_per_minute))

    def _tell(self, question: _Question, decided: Admission | Verdict) -> None:
        try:
            question.decided(decided)
        except Exception as error:  # noqa: BLE001 - the door where a fault in one call stops
            self._faulted(error)

    def _refusal(self, account: Counted, word: str, elsewhere: Held) -> Verdict:
        """In the words of the local limits. The account's settings are those that were asked with."""
        if word == "call":
            here = self._known_up.get(account.key, 0)
            return call_limit(account, here + elsewhere.up)
        if word == "rate":
            return rate_limit(account.max_per_second or 0)
        midnight_s = self._limits.until_midnight_s(account)
        if word == "minutes":
            return minutes_limit(account.minutes_per_day or 0, midnight_s)
        return cost_limit(account.cost_per_day or 0.0, midnight_s)

    def lost(self) -> None:
        """The server is away, or stalls: who waits is decided by share, and so are all until it is back."""
        self._joined, self._tried = False, True
        self._shared_out.clear()
        questions = [*self._asked, *self._questions]
        self._asked, self._questions, self._used = [], [], []
        for account in self._limits.accounts():
            if account.key in self._metered or self._limits.elsewhere(account.key).up:
                self._share_out(account)
        for question in questions:
            self._tell(question, self._by_share(question.account, question.price_per_minute))


def _question(account: Counted) -> Ask:
    minutes = account.minutes_per_day
    return Ask(
        account.key,
        account.max_concurrent,
        account.max_per_second,
        None if minutes is None else minutes * _MINUTE_S,
        account.cost_per_day,
    )


def _share(limit: int | None, nodes: int) -> int | None:
    """Of a limit, what one of `nodes` may give out alone; 0 stays 0."""
    return limit if not limit else max(1, limit // nodes)
