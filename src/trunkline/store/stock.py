"""Numbers that accounts can buy.

The operator puts numbers into stock. One is for sale while no account has it; buying gives it to an account
and takes its price from the account's credit, in one transaction; cancelling gives it back, for nothing.
What stock says of a number (country, kind, features) stays true while it is sold. Numbers that the operator
gave to an account by hand need not be in stock: their country comes from their digits.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from trunkline.errors import DirectoryError
from trunkline.store import schema
from trunkline.store.audit import Trail
from trunkline.store.credit import MAX_CENTS, charge, money
from trunkline.store.database import Database
from trunkline.store.errors import AlreadyExistsError, InUseError, NotForSaleError, NotFoundError
from trunkline.store.loading import check_exists, load_numbers
from trunkline.store.numbers import Guard, insert_number, number_changed
from trunkline.store.rows import Values, number_values
from trunkline.trunk.country import country_of
from trunkline.trunk.directory import Kind
from trunkline.trunk.e164 import MAX_DIGITS, normalise
from trunkline.trunk.number import Number

MAX_PAGE: Final = 1000


class NumberKind(StrEnum):
    """What Nexmo's clients call `type`."""

    LANDLINE = "landline"
    MOBILE = "mobile-lvn"
    TOLL_FREE = "landline-toll-free"


class Feature(StrEnum):
    """What a number can do. Trunkline carries voice; the others are the operator's word."""

    SMS = "SMS"
    VOICE = "VOICE"
    MMS = "MMS"


@dataclass(frozen=True, slots=True)
class StockNumber:
    """One number in stock. Raises `DirectoryError` when made with values that can't be."""

    e164: str
    country: str
    """ISO 3166-1 alpha-2, upper case."""
    kind: NumberKind = NumberKind.LANDLINE
    features: tuple[Feature, ...] = (Feature.VOICE,)
    price_cents: int = 0
    """What buying it costs, once."""

    def __post_init__(self) -> None:
        if normalise(self.e164) != self.e164:
            raise DirectoryError(f"number {self.e164!r}: digits only, without + or 00")
        if len(self.country) != 2 or not (self.country.isascii() and self.country.isupper()):
            raise DirectoryError(f"country {self.country!r}: two capital letters, such as GB")
        if not 0 <= self.price_cents <= MAX_CENTS:
            raise DirectoryError(f"the price of {self.e164} is 0 or more")


class Match(StrEnum):
    """Where a pattern stands in a number."""

    START = "start"
    ANYWHERE = "anywhere"
    END = "end"


@dataclass(frozen=True, slots=True)
class StockFilter:
    """Which numbers; a field that is None or empty matches all. Raises `DirectoryError` for a pattern that is
    no digits."""

    country: str | None = None
    kind: NumberKind | None = None
    features: frozenset[Feature] = frozenset()
    """All of them are wanted."""
    pattern: str = ""
    match: Match = Match.START

    def __post_init__(self) -> None:
        pattern = self.pattern
        if pattern and not (pattern.isascii() and pattern.isdigit() and len(pattern) <= MAX_DIGITS):
            raise DirectoryError(f"the pattern is up to {MAX_DIGITS} digits")


class StockPage(NamedTuple):
    """How many there are in all, and some of them in order."""

    total: int
    numbers: Sequence[StockNumber]


class OwnedNumber(NamedTuple):
    """An account's number, and what is known of it."""

    number: Number
    country: str | None
    kind: NumberKind
    features: Sequence[Feature]


class OwnedPage(NamedTuple):
    """How many there are in all, and some of them in order."""

    total: int
    numbers: Sequence[OwnedNumber]


class Stock:
    """The stock in `database`."""

    def __init__(
        self, database: Database, wall: Callable[[], float] = time.time, trail: Trail | None = None
    ) -> None:
        self._database = database
        self._wall = wall
        self._trail = trail or Trail(wall=wall)

    def add(self, numbers: Iterable[StockNumber]) -> None:
        """Put numbers into stock, all or none. Raises `AlreadyExistsError`."""
        now = self._wall()
        with self._database.write() as connection:
            for number in numbers:
                try:
                    connection.execute(schema.number_stock.insert().values(created_at=now, **_values(number)))
                except IntegrityError:
                    raise AlreadyExistsError("number in stock", number.e164) from None
                self._told(connection, number.e164, "add", after=_shown(number))

    def list(self, wanted: StockFilter | None = None, *, offset: int = 0, limit: int = 10) -> StockPage:
        """Numbers for sale, `limit` (1 to 1000) of them from the `offset`th (from 0) on."""
        table = schema.number_stock
        for_sale = ~sa.exists().where(schema.number.c.e164 == table.c.e164)
        conditions = [for_sale, *_conditions(wanted or StockFilter())]
        with self._database.read() as connection:
            total = connection.execute(
                sa.select(sa.func.count()).select_from(table).where(*conditions)
            ).scalar_one()
            rows = connection.execute(
                sa.select(table)
                .where(*conditions)
                .order_by(table.c.e164)
                .offset(offset)
                .limit(max(1, min(limit, MAX_PAGE)))
            )
            return StockPage(total, [_stock_number(row) for row in rows])

    def remove(self, e164: str) -> None:
        """Take one out. Raises `NotFoundError`, and `InUseError` while an account has it."""
        with self._database.write() as connection:
            found = _find(connection, e164)
            if found is None:
                raise NotFoundError("number in stock", e164, "trunkline number stock list shows them")
            if _sold(connection, e164):
                raise InUseError(
                    f"number {e164} belongs to an account; trunkline number remove takes it back"
                )
            connection.execute(schema.number_stock.delete().where(schema.number_stock.c.e164 == e164))
            self._told(connection, e164, "remove", before=_shown(found))

    def buy(self, e164: str, account: str, *, country: str | None = None) -> Number:
        """Give a number that is for sale (in `country`, when that is given) to `account`, for its price.

        Raises `NotForSaleError`, `CreditError`, and `NotFoundError` when the account does not exist.
        """
        with self._database.write() as connection:
            check_exists(connection, Kind.ACCOUNT, account)
            found = _find(connection, e164)
            if found is None or country not in (None, found.country) or _sold(connection, e164):
                raise NotForSaleError(e164)
            charge(connection, self._trail, account, found.price_cents, f"number {e164}")
            number = Number(e164, account)
            try:
                insert_number(connection, number, self._wall())
            except IntegrityError:
                raise NotForSaleError(e164) from None
            after = {**number_values(number), "price": money(found.price_cents)}
            number_changed(self._trail, connection, number, "buy", after=after)
        return number

    def cancel(self, e164: str, *, country: str | None = None, guard: Guard | None = None) -> None:
        """Give a bought number back to stock; its forwarding is forgotten.

        Raises `NotFoundError` when no account has it (in `country`, when that is given), `InUseError` when it
        is not from stock, and whatever `guard` does.
        """
        with self._database.write() as connection:
            check_exists(connection, Kind.NUMBER, e164)
            number = load_numbers(connection, [e164])[0]
            if guard is not None:
                guard(number)
            found = _find(connection, e164)
            if found is None:
                raise InUseError(f"number {e164} was not bought here; only the operator can take it back")
            if country not in (None, found.country):
                raise NotFoundError("number", e164, f"none of {country} has these digits")
            connection.execute(schema.number.delete().where(schema.number.c.e164 == e164))
            number_changed(self._trail, connection, number, "cancel", before=number_values(number))

    def owned(
        self, account: str, wanted: StockFilter | None = None, *, offset: int = 0, limit: int = 10
    ) -> OwnedPage:
        """The numbers that `account` has, `limit` (1 to 1000) of them from the `offset`th on. Raises
        `NotFoundError`."""
        wanted = wanted or StockFilter()
        number, stock = schema.number, schema.number_stock
        query = (
            sa.select(number.c.e164, stock.c.country, stock.c.kind, stock.c.features)
            .select_from(number.outerjoin(stock, stock.c.e164 == number.c.e164))
            .where(number.c.account == account, *_pattern(number.c.e164, wanted))
            .order_by(number.c.e164)
        )
        with self._database.read() as connection:
            check_exists(connection, Kind.ACCOUNT, account)
            facts = (_facts(row) for row in connection.execute(query))
            found = [one for one in facts if _fits(one, wanted)]
            page = found[offset : offset + max(1, min(limit, MAX_PAGE))]
            numbers = {item.e164: item for item in load_numbers(connection, [row.e164 for row in page])}
        return OwnedPage(
            len(found),
            [OwnedNumber(numbers[e164], country, kind, features) for e164, country, kind, features in page],
        )

    def _told(
        self,
        connection: Connection,
        e164: str,
        action: str,
        before: Values | None = None,
        after: Values | None = None,
    ) -> None:
        self._trail.told(connection, "stock", e164, action, before=before, after=after)


class _Facts(NamedTuple):
    e164: str
    country: str | None
    kind: NumberKind
    features: tuple[Feature, ...]


def _facts(row: Any) -> _Facts:
    if row.country is None:
        return _Facts(row.e164, country_of(row.e164), NumberKind.LANDLINE, (Feature.VOICE,))
    return _Facts(row.e164, row.country, NumberKind(row.kind), _features(row.features))


def _fits(facts: _Facts, wanted: StockFilter) -> bool:
    return (
        wanted.country in (None, facts.country)
        and wanted.kind in (None, facts.kind)
        and wanted.features <= set(facts.features)
    )


def _find(connection: Connection, e164: str) -> StockNumber | None:
    table = schema.number_stock
    row = connection.execute(sa.select(table).where(table.c.e164 == e164)).first()
    return None if row is None else _stock_number(row)


def _sold(connection: Connection, e164: str) -> bool:
    table = schema.number
    return connection.execute(sa.select(table.c.e164).where(table.c.e164 == e164)).first() is not None


def _conditions(wanted: StockFilter) -> list[sa.ColumnElement[bool]]:
    table = schema.number_stock.c
    conditions = _pattern(table.e164, wanted)
    if wanted.country is not None:
        conditions.append(table.country == wanted.country)
    if wanted.kind is not None:
        conditions.append(table.kind == wanted.kind.value)
    # No feature's name is a part of another's.
    conditions += [table.features.contains(feature.value) for feature in wanted.features]
    return conditions


def _pattern(column: sa.ColumnElement[str], wanted: StockFilter) -> list[sa.ColumnElement[bool]]:
    pattern = wanted.pattern
    if not pattern:
        return []
    if wanted.match is Match.START:
        return [column.startswith(pattern)]
    return [column.endswith(pattern) if wanted.match is Match.END else column.contains(pattern)]


def _values(number: StockNumber) -> Values:
    return {
        "e164": number.e164,
        "country": number.country,
        "kind": number.kind.value,
        "features": ",".join(number.features),
        "price_cents": number.price_cents,
    }


def _shown(number: StockNumber) -> Values:
    values = _values(number)
    return {**values, "price": money(values.pop("price_cents"))}


def _stock_number(row: sa.Row[Any]) -> StockNumber:
    return StockNumber(row.e164, row.country, NumberKind(row.kind), _features(row.features), row.price_cents)


def _features(text: str) -> tuple[Feature, ...]:
    return tuple(Feature(name) for name in text.split(",") if name)
