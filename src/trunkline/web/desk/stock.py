"""Numbers for sale, and what they are paid with. Everybody looks and buys; the operator fills the shelves and
gives credit."""

from collections.abc import Iterable

from trunkline.store.errors import NotFoundError
from trunkline.store.stock import OwnedPage, StockFilter, StockNumber, StockPage
from trunkline.trunk.number import Number
from trunkline.web.desk.counter import Counter


class StockDesk:
    """See the module."""

    def __init__(self, counter: Counter) -> None:
        self._counter = counter

    def list(self, wanted: StockFilter | None = None, *, offset: int = 0, limit: int = 10) -> StockPage:
        """Numbers that anybody can buy now."""
        return self._counter.store.stock.list(wanted, offset=offset, limit=limit)

    def add(self, numbers: Iterable[StockNumber]) -> None:
        """Put them into stock, all or none."""
        self._counter.check_operator()
        self._counter.store.stock.add(numbers)

    def remove(self, e164: str) -> None:
        """Take one out of stock that nobody has."""
        self._counter.check_operator()
        self._counter.store.stock.remove(e164)

    def owned(
        self, account: str, wanted: StockFilter | None = None, *, offset: int = 0, limit: int = 10
    ) -> OwnedPage:
        """The account's numbers, with what stock says of them."""
        self._counter.check_sees(account, "account", account)
        return self._counter.store.stock.owned(account, wanted, offset=offset, limit=limit)

    def buy(self, e164: str, account: str, *, country: str | None = None) -> Number:
        """For `account`, from its credit."""
        self._counter.check_sees(account, "account", account)
        number = self._counter.store.stock.buy(e164, account, country=country)
        self._counter.node.changed()
        return number

    def cancel(self, e164: str, account: str, *, country: str | None = None) -> None:
        """Give a number of `account` back."""
        self._counter.check_sees(account, "account", account)

        def check(number: Number) -> None:
            if number.account != account:
                raise NotFoundError("number", e164)

        self._counter.store.stock.cancel(e164, country=country, guard=check)
        self._counter.node.changed()

    def balance_cents(self, account: str) -> int:
        """The account's credit."""
        self._counter.check_sees(account, "account", account)
        return self._counter.store.credit.balance_cents(account)

    def add_credit(self, account: str, cents: int) -> int:
        """Give it more, or take some away; what it has now."""
        self._counter.check_operator()
        return self._counter.store.credit.add(account, cents)
