"""Calls, live and past: a customer's are those of the own account."""

from collections.abc import Sequence
from dataclasses import replace

from trunkline.observe.message import LadderMessage
from trunkline.store.calls import DEFAULT_PAGE, CallDetail, CallFilter, Page
from trunkline.store.errors import NotFoundError
from trunkline.web.desk.counter import Counter
from trunkline.web.views import LiveCall


class CallDesk:
    """See the module."""

    def __init__(self, counter: Counter) -> None:
        self._counter = counter

    def page(self, wanted: CallFilter, *, cursor: str | None = None, limit: int = DEFAULT_PAGE) -> Page:
        """Some records, newest first, and the cursor of the page behind."""
        counter = self._counter
        account = counter.account_or_all(wanted.account)
        return counter.store.calls.list(replace(wanted, account=account), cursor=cursor, limit=limit)

    def get(self, call_id: str) -> CallDetail:
        """The record and its attempts."""
        detail = self._counter.store.calls.get(call_id)
        self._counter.check_sees(detail.call.account, "call", call_id)
        return detail

    def ladder(self, call_id: str) -> Sequence[LadderMessage]:
        """Its SIP messages, without secrets; none when they are kept no longer."""
        if self._live(call_id) is None:
            self.get(call_id)
        return self._counter.node.client().ladder(call_id)

    def live(self) -> Sequence[LiveCall]:
        """Calls under way, oldest first."""
        principal = self._counter.principal
        return [call for call in self._counter.node.client().calls() if principal.sees(call.account)]

    def hang_up(self, call_id: str) -> None:
        """End a call that is up."""
        if self._live(call_id) is None or not self._counter.node.client().hang_up(call_id):
            raise NotFoundError("live call", call_id)

    def _live(self, call_id: str) -> LiveCall | None:
        return next((call for call in self.live() if call.call_id == call_id), None)
