"""Numbers for sale, and the credit that they are bought with."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from trunkline.store.credit import cents_of
from trunkline.store.stock import Match, NumberKind, StockFilter
from trunkline.trunk.e164 import normalise
from trunkline.web.api.front import AtDesk
from trunkline.web.api.models.base import PREFIX
from trunkline.web.api.models.number import NumberView
from trunkline.web.api.models.stock import CreditView, NewCredit, Purchase, StockFields, StockPage
from trunkline.web.api.once import Made, OnlyOnce
from trunkline.web.api.resources.parameters import KeyPath, Limit, NumberPath
from trunkline.web.api.tags import tag_of

router = APIRouter(prefix="/v1", tags=["Numbers for sale"])


@router.get("/stock")
def list_stock(
    desk: AtDesk,
    country: Annotated[str | None, Query(pattern=r"^[A-Z]{2}$", examples=["GB"])] = None,
    kind: NumberKind | None = None,
    digits: Annotated[str, Query(pattern=PREFIX, examples=["4420"])] = "",
    where: Annotated[Match, Query(description="Where `digits` stand in the number.")] = Match.START,
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
    limit: Limit = 50,
) -> StockPage:
    """Numbers that anybody can buy now, in order."""
    wanted = StockFilter(country=country, kind=kind, pattern=digits, match=where)
    found = desk.stock.list(wanted, offset=offset, limit=limit)
    return StockPage(total=found.total, items=[StockFields.model_validate(one) for one in found.numbers])


@router.post("/stock", status_code=201, response_model=StockFields)
def add_to_stock(desk: AtDesk, once: OnlyOnce, new: StockFields) -> Response:
    """Offer a number (operators)."""

    def make() -> Made:
        number = new.read()
        desk.stock.add([number])
        return Made(StockFields.model_validate(number), f"/v1/stock/{number.e164}")

    return once.make(make)


@router.delete("/stock/{e164}", status_code=204)
def remove_from_stock(desk: AtDesk, e164: NumberPath) -> None:
    """Offer a number that nobody has no longer (operators)."""
    desk.stock.remove(normalise(e164))


@router.post("/accounts/{key}/purchases", status_code=201, response_model=NumberView)
def buy_number(desk: AtDesk, once: OnlyOnce, key: KeyPath, purchase: Purchase) -> Response:
    """Buy a number for an account, from its credit."""

    def make() -> Made:
        number = desk.stock.buy(normalise(purchase.e164), key)
        return Made(NumberView.of(number), f"/v1/numbers/{number.e164}", tag_of(number))

    return once.make(make)


@router.delete("/accounts/{key}/purchases/{e164}", status_code=204)
def cancel_number(desk: AtDesk, key: KeyPath, e164: NumberPath) -> None:
    """Give a number that was bought back, for nothing."""
    desk.stock.cancel(normalise(e164), key)


@router.get("/accounts/{key}/credit")
def get_credit(desk: AtDesk, key: KeyPath) -> CreditView:
    """What an account can buy numbers with."""
    return CreditView.of(desk.stock.balance_cents(key))


@router.post("/accounts/{key}/credit", status_code=201, response_model=CreditView)
def add_credit(desk: AtDesk, once: OnlyOnce, key: KeyPath, new: NewCredit) -> Response:
    """Give an account more credit, or take some away (operators)."""

    def make() -> Made:
        cents = desk.stock.add_credit(key, cents_of(new.amount))
        return Made(CreditView.of(cents), f"/v1/accounts/{key}/credit")

    return once.make(make)
