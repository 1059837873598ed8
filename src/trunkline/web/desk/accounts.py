"""Accounts and their secrets. A customer sees the own account and changes its secrets; the rest is the
operator's."""

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple, Unpack

from trunkline.call.record import Direction
from trunkline.store.accounts import DEFAULT_OVERLAP_S, AccountChanges, AccountPage, Guard, StoredSecret
from trunkline.trunk.account import Account
from trunkline.web.desk.counter import Counter

_DAY_S = 86_400.0


class Used(NamedTuple):
    """What an account has used of its limits, running calls included."""

    calls: int
    """Outbound calls up now."""
    minutes: float
    """Answered outbound minutes in the present UTC day."""


class AccountDesk:
    """See the module."""

    def __init__(self, counter: Counter, wall: Callable[[], float] = time.time) -> None:
        self._counter = counter
        self._wall = wall

    def page(self, search: str = "", *, after: str = "", limit: int = 50) -> AccountPage:
        """Up to `limit` accounts behind the key `after`; a customer's page is the own account."""
        own = self._counter.principal.account
        if own is None:
            return self._counter.store.accounts.page(search, after=after, limit=limit)
        return AccountPage([self.get(own)] if own > after else [], more=False)

    def get(self, key: str) -> Account:
        self._own(key)
        return self._counter.store.accounts.get(key)

    def add(self, account: Account, secret: str | None = None) -> tuple[Account, str]:
        """The account as stored, and its secret, which nothing shows again."""
        self._counter.check_operator()
        added = self._counter.store.accounts.add(account, secret)
        self._counter.node.changed()
        return self._counter.store.accounts.get(account.key), added

    def update(self, key: str, *, guard: Guard | None = None, **changes: Unpack[AccountChanges]) -> Account:
        """`guard` looks at the account inside the transaction, and raises to stop the change."""
        self._counter.check_operator()
        account = self._counter.store.accounts.update(key, guard=guard, **changes)
        self._counter.node.changed()
        return account

    def remove(self, key: str) -> None:
        self._counter.check_operator()
        self._counter.store.accounts.remove(key)
        self._counter.node.changed()

    def used(self, key: str) -> Used:
        """Raises `ControlError` while the node can't be asked."""
        self._own(key)
        now = self._wall()
        day_began = now // _DAY_S * _DAY_S
        live = [
            call
            for call in self._counter.node.client().calls()
            if call.account == key and call.direction is Direction.OUTBOUND
        ]
        running_s = sum(now - max(call.answered_at, day_began) for call in live if call.answered_at)
        talked_s = self._counter.store.figures.talked_s(key, day_began) + running_s
        return Used(len(live), talked_s / 60)

    def secrets(self, key: str) -> Sequence[StoredSecret]:
        """Those that work now, oldest first."""
        self._own(key)
        return self._counter.store.accounts.secrets(key)

    def rotate_secret(
        self, key: str, secret: str | None = None, *, overlap_s: float = DEFAULT_OVERLAP_S
    ) -> str:
        """A new secret, made unless given; the old ones work for another `overlap_s`."""
        self._own(key)
        made = self._counter.store.accounts.rotate_secret(key, secret, overlap_s=overlap_s)
        self._counter.node.changed()
        return made

    def add_secret(self, key: str, secret: str) -> StoredSecret:
        """One more beside those that it has."""
        self._own(key)
        added = self._counter.store.accounts.add_secret(key, secret)
        self._counter.node.changed()
        return added

    def revoke_secret(self, key: str, id_: int) -> None:
        """End one at once; the last one stays."""
        self._own(key)
        self._counter.store.accounts.revoke_secret(key, id_)
        self._counter.node.changed()

    def _own(self, key: str) -> None:
        self._counter.check_sees(key, "account", key)
