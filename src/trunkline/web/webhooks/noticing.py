"""Notices what happens, and queues it for the webhooks that want to know.

Calls are noticed by their records, which every node writes as calls go on: so nothing depends on a line to a
node, what ended while nobody looked is found afterwards, and several nodes' calls are told by whichever web
process sees them first. Endpoints are noticed by what this machine's node says of them.
"""

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import chain

from trunkline.call.record import CallRecord
from trunkline.store.store import Store
from trunkline.store.webhook_queue import NewEvent
from trunkline.store.webhook_sources import DownEndpoint
from trunkline.trunk.health import HealthState
from trunkline.web.views import MAX_TARGETS, TargetHealth
from trunkline.web.webhooks.events import Stage, call_events, endpoint_event, stage_of

LATE_S = 5.0
"""How long after its start a call's record may be written to be noticed at the next look …"""
VERY_LATE_S = 900.0
"""… or at one of the long looks, `LONG_LOOK_S` apart. When nobody has looked for longer than that, as while
the database is away, those of this long afterwards go back to the last look before."""
LONG_LOOK_S = 60.0
CATCH_UP_S = 86_400.0
"""What happened longer ago while nobody looked is not told."""
ASKED_AT_ONCE = 200
"""Numbers that the node is asked for alone at one look."""
MAX_ENDED = 20_000
"""Calls that ended, remembered so as not to be looked at twice."""


Ask = Callable[[str | None], Sequence[TargetHealth]]
"""Asks the node for the endpoints of one number, or all that it lists (`NodeView.health`)."""


class Noticer:
    """One per web process. Blocks."""

    def __init__(self, store: Store, node: str, wall: Callable[[], float]) -> None:
        """`node` is this machine's node."""
        self._sources = store.webhook_sources
        self._node = node
        self._wall = wall
        self._looked_at: float | None = None
        self._missed_at = 0.0
        """The last look before a time in which nobody looked …"""
        self._caught_up_at = 0.0
        """… and when its records are all there."""
        self._long_look_at = 0.0
        self._written_at = 0.0
        self._ended: OrderedDict[str, None] = OrderedDict()
        self._asked = ""
        """The last number that the node was asked for alone."""

    def calls(self) -> int:
        """Look at the calls; how many deliveries that made. Raises `StoreError`."""
        now = self._wall()
        accounts = self._sources.accounts()
        events: list[NewEvent] = []
        stages: dict[str, int | None] = {}
        ended: list[str] = []
        for call, told in self._unseen(accounts, now):
            events += call_events(call, told)
            stage = stage_of(call)
            if stage is None:
                ended.append(call.call_id)
            if stage is None or stage > told:
                stages[call.call_id] = stage
        made = 0
        if stages or now - self._written_at >= LATE_S:
            made = self._sources.tell_calls(events, stages, now, now)
            self._written_at = now
        self._remember(ended)
        if now - self._long_look_at >= LONG_LOOK_S:
            self._long_look_at = now
        self._looked_at = now
        return made

    def endpoints(self, ask: Ask) -> int:
        """Compare what the node says with what was told; how many deliveries that made. Where nobody wants to
        be told, it isn't asked. Raises `StoreError`, and what `ask` does.
        """
        now = self._wall()
        accounts = self._sources.accounts()
        if not accounts:
            return 0
        seen = ask(None)
        down = self._sources.down(self._node)
        events: list[NewEvent] = []
        states: dict[DownEndpoint, float | None] = {}
        for health in chain(seen, self._unsaid(down, seen, ask)):
            if health.number is None or health.account not in accounts:
                continue
            this = DownEndpoint(health.number, health.uri)
            if health.state is HealthState.DOWN and this not in down:
                states[this] = now if health.since_at is None else health.since_at
            elif health.state is HealthState.UP and this in down:
                states[this] = None
            else:
                continue
            events.append(endpoint_event(health, self._node, now))
        if not states:
            return 0
        return self._sources.tell_endpoints(self._node, events, states, now)

    def _unsaid(
        self, down: Collection[DownEndpoint], seen: Sequence[TargetHealth], ask: Ask
    ) -> Iterator[TargetHealth]:
        """What was told to be down and is beyond what the node lists: some numbers at each look, in turn."""
        if len(seen) < MAX_TARGETS:
            return
        listed = {health.number for health in seen}
        numbers = sorted({one.number for one in down} - listed)
        start = bisect_right(numbers, self._asked)
        for number in (numbers[start:] + numbers[:start])[:ASKED_AT_ONCE]:
            self._asked = number
            yield from ask(number)

    def _unseen(self, accounts: frozenset[str], now: float) -> Iterator[tuple[CallRecord, Stage]]:
        followed = self._sources.followed()
        for one in followed:
            yield one.call, Stage(one.stage)
        if not accounts:
            return
        known = {one.call.call_id for one in followed}
        for call in self._sources.calls_since(self._since(now)):
            if call.account in accounts and call.call_id not in known and call.call_id not in self._ended:
                yield call, Stage.NOTHING

    def _since(self, now: float) -> float:
        looked_at = self._looked_at
        if looked_at is None:
            looked_at = self._sources.told_until() or now
        if now - looked_at > LONG_LOOK_S:
            if now >= self._caught_up_at:
                self._missed_at = looked_at
            self._caught_up_at = now + VERY_LATE_S
        since = looked_at - LATE_S
        if now - self._long_look_at >= LONG_LOOK_S:
            since = looked_at - VERY_LATE_S
            if now < self._caught_up_at:
                since = min(since, self._missed_at - LATE_S)
        return max(since, now - CATCH_UP_S)

    def _remember(self, ended: Sequence[str]) -> None:
        self._ended.update(dict.fromkeys(ended))
        while len(self._ended) > MAX_ENDED:
            self._ended.popitem(last=False)
