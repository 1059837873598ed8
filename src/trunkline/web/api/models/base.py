"""What all bodies have in common: unknown fields are refused, texts are bounded and printable."""

import re
from typing import Annotated, Any, Self

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Strict,
    StringConstraints,
    field_validator,
)

from trunkline.trunk import bounds

MAX_INT = 2**31 - 1
KEY = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"
NUMBER = r"^(\+|00)?[1-9][0-9]{6,14}$"
PREFIX = r"^[0-9]{0,15}$"
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}")
PRINTABLE = f"^{bounds.PRINTABLE}$"

Key = Annotated[str, StringConstraints(pattern=KEY)]
Number = Annotated[str, StringConstraints(pattern=NUMBER)]
Prefix = Annotated[str, StringConstraints(pattern=PREFIX)]
Whole = Annotated[int, Strict()]
Real = Annotated[float, Strict()]
Flag = Annotated[bool, Strict()]
"""Without `Strict`, "yes" would be true and true would be 1."""
Line = Annotated[str, StringConstraints(max_length=bounds.MAX_NAME, pattern=PRINTABLE)]


def _rfc3339(value: object) -> object:
    if isinstance(value, str) and _MOMENT.match(value) is None:
        raise ValueError("a moment is written as in RFC 3339: 2026-03-14T09:26:53Z")
    return value


Moment = Annotated[AwareDatetime, BeforeValidator(_rfc3339)]
"""In a request; a number of seconds would do without the check."""


class Body(BaseModel):
    """A body, or a part of one."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, from_attributes=True, allow_inf_nan=False, hide_input_in_errors=True
    )

    @field_validator("*", mode="before")
    @classmethod
    def _whole(cls, value: object) -> object:
        """6.0 is a whole number, too (JSON Schema 2020-12, core §4.2.3): some languages know no others."""
        return int(value) if isinstance(value, float) and value.is_integer() else value

    @classmethod
    def shown(cls, thing: object, **more: Any) -> Self:
        """What is kept of `thing`, unchecked but for `more`, fields that it has in another form: bounds are
        for what comes in; more may have been kept before there were any."""
        same = {name: getattr(thing, name) for name in cls.model_fields if name not in more}
        return cls.model_construct(**same, **more)


def without_defaults(schema: dict[str, Any]) -> None:
    """For a body that changes a thing: a field left out stays, it does not become what a new one has."""
    for field in schema["properties"].values():
        field.pop("default", None)
