"""Numbers."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from trunkline.store.numbers import NumberChanges, NumberFilter
from trunkline.trunk import number as domain
from trunkline.trunk.e164 import normalise
from trunkline.trunk.forwarding import NOT_FORWARDED
from trunkline.web.api.front import AtDesk
from trunkline.web.api.models.base import PREFIX
from trunkline.web.api.models.number import NewNumber, NumberPage, NumberUpdate, NumberView
from trunkline.web.api.once import Made, OnlyOnce
from trunkline.web.api.resources.parameters import AccountQuery, After, Limit, NumberPath
from trunkline.web.api.tags import IfMatch, guard_of, tag_of, tagged

router = APIRouter(prefix="/v1/numbers", tags=["Numbers"])

Digits = Annotated[str, Query(pattern=PREFIX, examples=["4420"])]


@router.get("")
def list_numbers(
    desk: AtDesk,
    account: AccountQuery = None,
    starts_with: Digits = "",
    contains: Digits = "",
    ends_with: Digits = "",
    forwarded: Annotated[bool | None, Query(description="Whether its calls go anywhere.")] = None,
    after: After = "",
    limit: Limit = 50,
) -> NumberPage:
    """Numbers in order; a customer's own."""
    wanted = NumberFilter(account, starts_with, contains, ends_with, forwarded)
    found = desk.numbers.page(wanted, after=after, limit=limit)
    return NumberPage(
        items=[NumberView.of(one) for one in found.numbers],
        next=found.numbers[-1].e164 if found.more else None,
    )


@router.post("", status_code=201, response_model=NumberView)
def add_number(desk: AtDesk, once: OnlyOnce, new: NewNumber) -> Response:
    """Give an account a number (operators)."""

    def make() -> Made:
        forwarding = NOT_FORWARDED if new.forwarding is None else new.forwarding.read()
        number = domain.Number(normalise(new.e164), new.account, forwarding, new.ring_timeout_s)
        added = desk.numbers.add(number)
        return Made(NumberView.of(added), f"/v1/numbers/{added.e164}", tag_of(added))

    return once.make(make)


@router.get("/{e164}")
def get_number(desk: AtDesk, e164: NumberPath, response: Response) -> NumberView:
    """One number."""
    return _shown(response, desk.numbers.get(normalise(e164)))


@router.patch("/{e164}")
def change_number(
    desk: AtDesk, e164: NumberPath, update: NumberUpdate, response: Response, if_match: IfMatch = None
) -> NumberView:
    """Change where a number is forwarded to, how long it rings, or (operators) whose it is."""
    changes: NumberChanges = {}
    given = update.model_fields_set
    if update.account is not None:
        changes["account"] = update.account
    if "forwarding" in given:
        changes["forwarding"] = NOT_FORWARDED if update.forwarding is None else update.forwarding.read()
    if "ring_timeout_s" in given:
        changes["ring_timeout_s"] = update.ring_timeout_s
    return _shown(response, desk.numbers.update(normalise(e164), guard=guard_of(if_match), **changes))


@router.delete("/{e164}", status_code=204)
def remove_number(desk: AtDesk, e164: NumberPath, if_match: IfMatch = None) -> None:
    """Remove a number (operators): calls to it are then answered 404."""
    desk.numbers.remove(normalise(e164), guard=guard_of(if_match))


def _shown(response: Response, number: domain.Number) -> NumberView:
    tagged(response, number)
    return NumberView.of(number)
