"""What every desk has: who stands before it, the store in whose name, and the line to the node."""

from contextlib import AbstractContextManager
from dataclasses import dataclass

from trunkline.config import Settings
from trunkline.store.errors import NotFoundError
from trunkline.store.store import Store
from trunkline.web.control_client import ControlClient
from trunkline.web.errors import NotAllowedError
from trunkline.web.node_line import NodeLine
from trunkline.web.principal import Principal


@dataclass(frozen=True, slots=True)
class Counter:
    """One principal's. `store` writes the audit trail in its name."""

    principal: Principal
    store: Store
    node: NodeLine
    settings: Settings

    def check_operator(self) -> None:
        """Raise `NotAllowedError` unless an operator asks."""
        if not self.principal.operator:
            raise NotAllowedError("only an operator may do this")

    def check_sees(self, account: str | None, kind: str, key: str) -> None:
        """Raise `NotFoundError`, as for a thing that nobody has, unless `account` is its business."""
        if not self.principal.sees(account):
            raise NotFoundError(kind, key)

    def account_or_all(self, account: str | None) -> str | None:
        """Whose things to list: a customer's own whatever was asked, an operator's choice (None: all).

        Raises `NotFoundError` for a customer who asks for somebody else's.
        """
        if account is not None:
            self.check_sees(account, "account", account)
        return account if self.principal.operator else self.principal.account

    @property
    def since_at(self) -> float | None:
        """From which wall-clock second on things are the customer's who asks, None for an operator: what an
        account left that had the same key, and was removed, is none of its business.
        """
        account = self.principal.account
        return None if account is None else self.store.accounts.created_at(account)

    def slow_line(self) -> AbstractContextManager[ControlClient]:
        """The line to the node for something that takes seconds: see `NodeLine.slow`."""
        return self.node.slow(self.principal.account)
