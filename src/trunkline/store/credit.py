"""What accounts have left to buy numbers with: an amount in cents of the operator's currency.

The operator gives it (`trunkline account credit`), buying spends it. Calls don't.
"""

from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trunkline.store import schema
from trunkline.store.audit import Trail
from trunkline.store.database import Database
from trunkline.store.errors import CreditError, StoreError
from trunkline.store.loading import check_exists
from trunkline.store.upsert import insert_once
from trunkline.trunk.directory import Kind

MAX_CENTS: Final = 10**12
"""An account's credit is not more than this, nor less than its negative."""


class Credit:
    """The credit of the accounts in `database`."""

    def __init__(self, database: Database, trail: Trail | None = None) -> None:
        self._database = database
        self._trail = trail or Trail()

    def balance_cents(self, account: str) -> int:
        """What it has left. Raises `NotFoundError`."""
        with self._database.read() as connection:
            check_exists(connection, Kind.ACCOUNT, account)
            return balance_cents(connection, account)

    def add(self, account: str, cents: int) -> int:
        """Give it `cents` more, or take them away when negative; what it has now. Raises `NotFoundError`, and
        `StoreError` beyond `MAX_CENTS`."""
        with self._database.write() as connection:
            check_exists(connection, Kind.ACCOUNT, account)
            table = schema.account_credit
            insert_once(connection, table, {"account": account}, {"balance_cents": 0})
            connection.execute(
                table.update()
                .where(table.c.account == account)
                .values(balance_cents=table.c.balance_cents + cents)
            )
            after = balance_cents(connection, account)
            if abs(after) > MAX_CENTS:
                raise StoreError(f"the credit would be {after} cents; at most {MAX_CENTS} are kept")
            _told(connection, self._trail, account, "credit", after - cents, after)
        return after


def balance_cents(connection: Connection, account: str) -> int:
    """Within a transaction; 0 for an account that was never given any."""
    table = schema.account_credit
    found = connection.execute(sa.select(table.c.balance_cents).where(table.c.account == account)).scalar()
    return found or 0


def charge(connection: Connection, trail: Trail, account: str, cents: int, what: str) -> None:
    """Take `cents` (not negative) for `what` within a transaction. Raises `CreditError` when it has less."""
    if not cents:
        return
    table = schema.account_credit
    taken = connection.execute(
        table.update()
        .where(table.c.account == account, table.c.balance_cents >= cents)
        .values(balance_cents=table.c.balance_cents - cents)
    )
    after = balance_cents(connection, account)
    if not taken.rowcount:
        raise CreditError(f"{what} costs {money(cents)}, and the credit is {money(after)}")
    _told(connection, trail, account, "charge", after + cents, after)


def money(cents: int) -> str:
    """An amount for people and programs: `12.50`."""
    return f"{'-' if cents < 0 else ''}{abs(cents) // 100}.{abs(cents) % 100:02}"


def cents_of(text: str) -> int:
    """The cents of an amount such as `12.5` or `-3`. Raises `StoreError`."""
    sign, digits = (-1, text[1:]) if text.startswith("-") else (1, text)
    whole, _, part = digits.partition(".")
    if not (digits.isascii() and whole.isdigit() and len(whole) <= 10):
        raise StoreError(f"{text[:40]!r} is no amount; write it like 12.50")
    if len(part) > 2 or (part and not part.isdigit()) or digits.endswith("."):
        raise StoreError(f"{text[:40]!r} is no amount; write it like 12.50, with two decimals at most")
    return sign * (int(whole) * 100 + int(part.ljust(2, "0")))


def _told(connection: Connection, trail: Trail, account: str, action: str, before: int, after: int) -> None:
    values = {"credit": money(before)}, {"credit": money(after)}
    trail.told(connection, Kind.ACCOUNT, account, action, account=account, before=values[0], after=values[1])
