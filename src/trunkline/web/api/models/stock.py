"""Numbers for sale, and credit."""

from typing import Annotated

from pydantic import Field, StringConstraints

from trunkline.store.credit import MAX_CENTS, money
from trunkline.store.stock import Feature, NumberKind, StockNumber
from trunkline.trunk.e164 import normalise
from trunkline.web.api.models.base import Body, Number, Whole

Amount = Annotated[str, StringConstraints(pattern=r"^-?[0-9]{1,10}(\.[0-9]{1,2})?$")]


class StockFields(Body):
    """A number that accounts can buy."""

    e164: Number = Field(description="In E.164, with or without +.", examples=["442079460124"])
    country: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")] = Field(
        description="ISO 3166-1 alpha-2.", examples=["GB"]
    )
    kind: NumberKind = NumberKind.LANDLINE
    features: Annotated[tuple[Feature, ...], Field(min_length=1, max_length=len(Feature))] = Field(
        (Feature.VOICE,), description="What it can do."
    )
    price_cents: Annotated[Whole, Field(ge=0, le=MAX_CENTS)] = Field(
        0, description="What buying it costs, once.", examples=[150]
    )

    def read(self) -> StockNumber:
        """Raises `DirectoryError`."""
        return StockNumber(
            normalise(self.e164),
            self.country,
            self.kind,
            tuple(dict.fromkeys(self.features)),
            self.price_cents,
        )


class StockPage(Body):
    """How many there are in all, and some of them in order."""

    total: int = Field(examples=[1])
    items: list[StockFields]


class Purchase(Body):
    """A number to buy."""

    e164: Number = Field(description="In E.164, with or without +.", examples=["442079460124"])


class NewCredit(Body):
    """Credit to give."""

    amount: Amount = Field(description="Negative: to take away.", examples=["25.00"])


class CreditView(Body):
    """What an account can buy numbers with."""

    balance: str = Field(examples=["25.00"])

    @classmethod
    def of(cls, cents: int) -> "CreditView":
        return cls(balance=money(cents))
