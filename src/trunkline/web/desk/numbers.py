"""Numbers. A customer says where the own ones are forwarded to; which numbers there are is the operator's."""

from dataclasses import replace
from time import monotonic, sleep, time
from typing import Unpack

from trunkline.store.calls import CallFilter
from trunkline.store.errors import NotFoundError
from trunkline.store.numbers import Guard, NumberChanges, NumberFilter, NumberPage
from trunkline.trunk.forwarding import ForwardingList
from trunkline.trunk.gateway_addresses import NONE_BARRED, Places, places_of, warned
from trunkline.trunk.number import Number
from trunkline.web.desk.counter import Counter
from trunkline.web.views import PingAnswer, TrialCall

RECORD_S, RECORD_EVERY_S = 2.0, 0.1
"""How long, and how often, the record of a test call is looked for: the node writes it a moment later."""


class NumberDesk:
    """See the module."""

    def __init__(self, counter: Counter) -> None:
        self._counter = counter

    def page(self, wanted: NumberFilter, *, after: str = "", limit: int = 50) -> NumberPage:
        """Up to `limit` numbers behind `after`, in order."""
        counter = self._counter
        account = counter.account_or_all(wanted.account)
        return counter.store.numbers.page(replace(wanted, account=account), after=after, limit=limit)

    def get(self, e164: str) -> Number:
        number = self._counter.store.numbers.get(e164)
        self._own(number)
        return number

    def add(self, number: Number) -> Number:
        self._counter.check_operator()
        number = replace(number, forwarding=self._warned(number.account, number.forwarding))
        self._counter.store.numbers.add(number)
        self._counter.node.changed()
        return number

    def forward(self, e164: str, forwarding: ForwardingList, *, guard: Guard | None = None) -> Number:
        """Set where its calls go; an empty list: nowhere."""
        return self._change(e164, guard, forwarding=forwarding)

    def set_ring_timeout(
        self, e164: str, ring_timeout_s: float | None, *, guard: Guard | None = None
    ) -> Number:
        """Seconds that an endpoint may ring; None: as configured."""
        return self._change(e164, guard, ring_timeout_s=ring_timeout_s)

    def update(self, e164: str, *, guard: Guard | None = None, **changes: Unpack[NumberChanges]) -> Number:
        """Change several fields at once. Giving it to another account is the operator's."""
        if "account" in changes:
            self._counter.check_operator()
        return self._change(e164, guard, **changes)

    def barred(self) -> Places:
        """Where no endpoint is called: see `trunk.gateway_addresses`."""
        if self._counter.settings.forwarding.to_gateways:
            return NONE_BARRED
        return places_of(self._counter.store.carriers.gateway_uris())

    def ping(self, e164: str, position: int) -> PingAnswer:
        """Send OPTIONS to one of its endpoints, counted from 1, now."""
        endpoints = self.get(e164).forwarding.endpoints
        if not 1 <= position <= len(endpoints):
            raise NotFoundError("endpoint", f"{e164} {position}")
        with self._counter.slow_line() as client:
            return client.ping(str(endpoints[position - 1].uri))

    def trial_call(self, e164: str) -> tuple[TrialCall, str | None]:
        """Call it with a phone of the node's own; what came of it, and the id of its record."""
        self.get(e164)
        with self._counter.slow_line() as client:
            report = client.trial_call(e164)
            wanted = CallFilter(number=e164, sip_call_id=report.sip_call_id, since_at=time() - 300)
            until = monotonic() + RECORD_S
            while not (found := self._counter.store.calls.list(wanted, limit=1).calls):
                if monotonic() >= until:
                    return report, None
                sleep(RECORD_EVERY_S)
            return report, found[0].call_id

    def remove(self, e164: str, *, guard: Guard | None = None) -> None:
        self._counter.check_operator()
        self._counter.store.numbers.remove(e164, guard=guard)
        self._counter.node.changed()

    def _change(self, e164: str, guard: Guard | None, **changes: Unpack[NumberChanges]) -> Number:
        if "forwarding" in changes:
            account = changes.get("account") or self.get(e164).account
            changes["forwarding"] = self._warned(account, changes["forwarding"])

        def both(number: Number) -> None:
            self._own(number)
            if guard is not None:
                guard(number)

        number = self._counter.store.numbers.update(e164, guard=both, **changes)
        self._counter.node.changed()
        return number

    def _warned(self, account: str, forwarding: ForwardingList) -> ForwardingList:
        forwarding = forwarding.warned_of_keys(account, self._counter.settings.service.domain)
        return warned(forwarding, self.barred()) if forwarding else forwarding

    def _own(self, number: Number) -> None:
        self._counter.check_sees(number.account, "number", number.e164)
