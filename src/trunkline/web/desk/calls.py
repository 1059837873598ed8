"""Calls, live and past: a customer's are those of the own account, since it was made: an earlier one may have
had the same key.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from trunkline.call.quality import Quality
from trunkline.call.record import AttemptRecord, CallRecord, Direction, RecordState
from trunkline.observe.message import LadderMessage
from trunkline.store.calls import DEFAULT_PAGE, MAX_PAGE, CallDetail, CallFilter, Page
from trunkline.store.errors import NotFoundError
from trunkline.store.figures import Stretch
from trunkline.trunk.caller_id import ANONYMOUS
from trunkline.web.desk.counter import Counter
from trunkline.web.views import CallAudio, LiveCall


class CallDesk:
    """See the module."""

    def __init__(self, counter: Counter) -> None:
        self._counter = counter

    def page(self, wanted: CallFilter, *, cursor: str | None = None, limit: int = DEFAULT_PAGE) -> Page:
        """Some records, newest first, and the cursor of the page behind."""
        counter = self._counter
        account, since_at = counter.account_or_all(wanted.account), counter.since_at
        if since_at is not None:
            since_at = max(since_at, wanted.since_at or since_at)
            wanted = replace(wanted, since_at=since_at)
        return counter.store.calls.list(replace(wanted, account=account), cursor=cursor, limit=limit)

    def all(self, wanted: CallFilter) -> Iterator[Sequence[CallRecord]]:
        """All records, newest first, some at a time. Who may ask is checked at once."""
        self._counter.account_or_all(wanted.account)
        return self._pages(wanted)

    def _pages(self, wanted: CallFilter) -> Iterator[Sequence[CallRecord]]:
        cursor: str | None = None
        while True:
            page = self.page(wanted, cursor=cursor, limit=MAX_PAGE)
            yield page.calls
            cursor = page.next_cursor
            if cursor is None:
                return

    def figures(self, since_at: float, stretch_s: float, count: int) -> Sequence[Stretch]:
        """Counts of `count` stretches of `stretch_s` seconds from `since_at` on."""
        counter = self._counter
        account, born_at = counter.principal.account, counter.since_at
        return counter.store.figures.over(account, since_at, stretch_s, count, born_at=born_at)

    def get(self, call_id: str) -> CallDetail:
        """The record and its attempts."""
        detail = self._counter.store.calls.get(call_id)
        self._counter.check_sees(detail.call.account, "call", call_id)
        if detail.call.setup_at < (self._counter.since_at or 0.0):
            raise NotFoundError("call", call_id)
        return detail

    def ladder(self, call_id: str) -> Sequence[LadderMessage]:
        """Its SIP messages, without secrets; none when they are kept no longer. To the customer who is called
        they don't name a caller who withholds the number (RFC 3325 §7), nor one whom an attended transfer has
        brought from another call."""
        live = self._live(call_id)
        call: LiveCall | CallRecord
        attempts: Sequence[AttemptRecord]
        try:
            detail = self.get(call_id)
        except NotFoundError:
            if live is None:
                raise
            call, attempts = live, ()
        else:
            call, attempts = live or detail.call, detail.attempts
        messages = self._counter.node.client().ladder(call_id)
        if self._counter.principal.operator:
            return messages
        brought = [one.sip_call_id.encode() for one in attempts if one.target == ANONYMOUS]
        withheld = {one.leg for one in messages if any(sip_call_id in one.data for sip_call_id in brought)}
        if call.direction is Direction.INBOUND and call.caller == ANONYMOUS:
            withheld.add(0)
        return [one.without_caller() if one.leg in withheld else one for one in messages]

    def audio(self, call_id: str) -> CallAudio | None:
        """The audio so far of a call under way; None when it is over."""
        self.get(call_id)
        return self._counter.node.client().audio(call_id)

    def quality(self, call_id: str) -> Quality:
        """How its audio went, or goes: no points where it was short. Raises `ControlError` for a call that is
        up while the node can't be asked."""
        call = self.get(call_id).call
        if call.state is RecordState.OPEN:
            going = self._counter.node.client().quality(call_id)
            if going is not None:
                return going
        return self._counter.store.calls.quality(call_id)

    def live(self) -> Sequence[LiveCall]:
        """Calls under way, oldest first, as of a moment ago."""
        principal = self._counter.principal
        return [call for call in self._counter.node.calls() if principal.sees(call.account)]

    def hang_up(self, call_id: str) -> None:
        """End a call that is up."""
        if self._live(call_id) is None or not self._counter.node.client().hang_up(call_id):
            raise NotFoundError("live call", call_id)

    def _live(self, call_id: str) -> LiveCall | None:
        """A call under way now."""
        principal = self._counter.principal
        calls = self._counter.node.client().calls()
        return next((one for one in calls if one.call_id == call_id and principal.sees(one.account)), None)
