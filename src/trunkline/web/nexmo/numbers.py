"""`/number/…`: search, buy, cancel, and forward to SIP."""

from typing import Any, Final, NamedTuple

from fastapi import APIRouter

from trunkline.store.credit import money
from trunkline.store.errors import NotFoundError
from trunkline.store.stock import StockFilter, StockNumber
from trunkline.trunk.e164 import normalise
from trunkline.trunk.forwarding import ForwardingList
from trunkline.web.desk import Desk
from trunkline.web.nexmo.credentials import Given, TheDesk, account_of
from trunkline.web.nexmo.errors import MethodFailedError, success
from trunkline.web.nexmo.parameters import Parameters
from trunkline.web.nexmo.searching import country_of_request, page_of, search_of

NOT_HERE: Final = {
    "app_id": "there are no applications here; forward with voiceCallbackType=sip",
    "voiceStatusCallback": "a webhook tells the end of calls: see /v1/webhooks",
}
"""Parameters of an update that would change how calls are handled, and can't. Those about messages are
accepted and do nothing: no number here takes messages."""

router = APIRouter(prefix="/number")


class _Meant(NamedTuple):
    account: str
    country: str
    e164: str


@router.get("/search")
def search(desk: TheDesk, given: Given) -> dict[str, Any]:
    """Numbers for sale in a country."""
    given.needed("country")
    page = page_of(given)
    found = desk.stock.list(search_of(given), offset=page.offset, limit=page.size)
    return {"count": found.total, "numbers": [_shown(number) for number in found.numbers]}


@router.post("/buy")
def buy(desk: TheDesk, given: Given) -> dict[str, str]:
    """Buy a number with the account's credit."""
    meant = _meant(desk, given)
    desk.stock.buy(meant.e164, meant.account, country=meant.country)
    return success()


@router.post("/cancel")
def cancel(desk: TheDesk, given: Given) -> dict[str, str]:
    """Give a bought number back."""
    meant = _meant(desk, given)
    desk.stock.cancel(meant.e164, meant.account, country=meant.country)
    return success()


@router.post("/update")
def update(desk: TheDesk, given: Given) -> dict[str, str]:
    """Forward a number to SIP. Without `voiceCallbackType` and `voiceCallbackValue` nothing changes."""
    meant = _meant(desk, given)
    for name, why in NOT_HERE.items():
        if given.get(name, "").strip():
            raise MethodFailedError(f"{name}: {why}")
    _check_owned(desk, meant)
    kind, value = given.get("voiceCallbackType"), given.get("voiceCallbackValue")
    if kind is None and value is None:
        return success()
    if kind is None or value is None:
        raise MethodFailedError("voiceCallbackType and voiceCallbackValue go together")
    if kind.strip().lower() != "sip":
        raise MethodFailedError("voiceCallbackType is sip: numbers are forwarded to SIP URIs only")
    desk.numbers.forward(meant.e164, ForwardingList.parse(value))
    return success()


def _meant(desk: Desk, given: Parameters) -> _Meant:
    given.needed("country")
    country = country_of_request(given) or ""
    return _Meant(account_of(desk, given), country, normalise(given.needed("msisdn")))


def _check_owned(desk: Desk, meant: _Meant) -> None:
    wanted = StockFilter(pattern=meant.e164)
    owned = [one for one in desk.stock.owned(meant.account, wanted).numbers if one.number.e164 == meant.e164]
    if not owned or owned[0].country not in (None, meant.country):
        raise NotFoundError("number", meant.e164)


def _shown(number: StockNumber) -> dict[str, Any]:
    return {
        "country": number.country,
        "msisdn": number.e164,
        "cost": money(number.price_cents),
        "type": number.kind.value,
        "features": [feature.value for feature in number.features],
    }
