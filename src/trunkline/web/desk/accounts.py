"""Accounts and their secrets. A customer sees the own account and changes its secrets; the rest is the
operator's."""

from collections.abc import Sequence
from typing import Unpack

from trunkline.store.accounts import DEFAULT_OVERLAP_S, AccountChanges, AccountPage, Guard, StoredSecret
from trunkline.trunk.account import Account
from trunkline.trunk.fraud import Alarm
from trunkline.web.desk.counter import Counter
from trunkline.web.views import Usage


class AccountDesk:
    """See the module."""

    def __init__(self, counter: Counter) -> None:
        self._counter = counter

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

    def remove(self, key: str, *, guard: Guard | None = None) -> None:
        self._counter.check_operator()
        self._counter.store.accounts.remove(key, guard=guard)
        self._counter.node.changed()

    def used(self, key: str) -> Usage:
        """Of its limits. Raises `ControlError` while the node can't be asked."""
        self._own(key)
        return self._counter.node.client().usage(key)

    def alarms(self, account: str | None = None, limit: int = 50) -> Sequence[Alarm]:
        """Calls that looked like fraud, newest first: of one account, or all."""
        counter = self._counter
        account = counter.account_or_all(account)
        return counter.store.alarms.list(account=account, since_at=counter.since_at, limit=limit)

    def secrets(self, key: str) -> Sequence[StoredSecret]:
        """Those that work now, oldest first."""
        self._own(key)
        return self._counter.store.accounts.secrets(key)

    def rotate_secret(
        self, key: str, secret: str | None = None, *, overlap_s: float = DEFAULT_OVERLAP_S
    ) -> str:
        """A new secret, made unless given; the old ones work for another `overlap_s`."""
        self._own(key)
        accounts = self._counter.store.accounts
        made = accounts.rotate_secret(key, secret, overlap_s=overlap_s, keep=self._asking())
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
        self._counter.store.accounts.revoke_secret(key, id_, keep=self._asking())
        self._counter.node.changed()

    def _asking(self) -> str:
        """The session that asks, which a secret's end leaves alone."""
        session = self._counter.principal.session
        return "" if session is None else session.id

    def _own(self, key: str) -> None:
        self._counter.check_sees(key, "account", key)
