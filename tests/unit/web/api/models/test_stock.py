"""Numbers for sale as bodies."""

import pytest
from pydantic import ValidationError

from trunkline.store.stock import Feature, NumberKind, StockNumber
from trunkline.web.api.models.stock import CreditView, NewCredit, StockFields


def test_a_number_can_be_offered_as_it_was_shown() -> None:
    number = StockNumber("441632960003", "GB", NumberKind.MOBILE, (Feature.VOICE, Feature.SMS), 150)
    assert StockFields.model_validate(number).read() == number


@pytest.mark.parametrize(
    "body",
    [
        {"e164": "441632960003"},
        {"e164": "441632960003", "country": "gb"},
        {"e164": "441632960003", "country": "GB", "price_cents": -1},
        {"e164": "441632960003", "country": "GB", "price_cents": True},
        {"e164": "441632960003", "country": "GB", "features": []},
    ],
)
def test_what_can_not_be_offered_is_refused(body: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        StockFields.model_validate(body)


@pytest.mark.parametrize("amount", ["", "x", "1.234", "1e3", "12345678901", 5])
def test_what_is_no_amount_is_refused(amount: object) -> None:
    with pytest.raises(ValidationError):
        NewCredit.model_validate({"amount": amount})


def test_money_is_told_to_the_cent() -> None:
    assert CreditView.of(-5).balance == "-0.05"
