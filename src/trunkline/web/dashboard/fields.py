"""Reading what was typed into a form's fields. Errors are words for whoever typed it."""

import math
import re
from enum import Enum
from typing import Annotated, Final, TypeVar

from fastapi import Query
from starlette.datastructures import FormData

from trunkline.errors import DirectoryError
from trunkline.trunk.e164 import checked_prefix
from trunkline.web.dashboard.browser import text
from trunkline.web.dashboard.frame import NOT_REFUSED, Refusal
from trunkline.web.versions import Versioned, version_of

_E = TypeVar("_E", bound=Enum)
_BETWEEN = re.compile(r"[\s,;]+")
MAX_NUMBER = 10**9
Behind = Annotated[int | None, Query(ge=0, le=2**63 - 1)]
"""In an address: the number that a database gave to the last row of the page before."""


def whole(form: FormData, name: str, what: str) -> int | None:
    """A whole number from 0 to `MAX_NUMBER`; None for an empty field. Raises `DirectoryError`."""
    typed = text(form, name)
    if not typed:
        return None
    if not (typed.isascii() and typed.isdigit() and len(typed) <= 10 and int(typed) <= MAX_NUMBER):
        raise DirectoryError(f"{what} is a whole number, 0 or more")
    return int(typed)


def decimal(form: FormData, name: str, what: str, most: float = math.inf) -> float | None:
    """A number up to `most`; None for an empty field. Raises `DirectoryError`."""
    typed = text(form, name)
    if not typed:
        return None
    try:
        number = float(typed)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise DirectoryError(f"{what} is a number")
    if number > most:
        raise DirectoryError(f"{what} is at most {most:.0f}")
    return number


def checked(form: FormData, name: str) -> bool:
    """Whether a box is ticked."""
    return text(form, name) == "yes"


def chosen(form: FormData, name: str, kind: type[_E]) -> _E:
    """One of a list. Raises `DirectoryError`."""
    try:
        return kind(text(form, name))
    except ValueError:
        raise DirectoryError(f"{text(form, name)[:40]!r} can't be chosen for {name}") from None


class Shown:
    """What the fields of a form show: what is saved, or what was typed where that was refused. Who is told
    (412) that it was changed meanwhile sees to what."""

    __slots__ = ("_form",)

    def __init__(self, form: FormData | None = None, why: Refusal = NOT_REFUSED) -> None:
        self._form = None if why.status == 412 else form

    def __call__(self, name: str, saved: str) -> str:
        """The value of a field."""
        return saved if self._form is None else text(self._form, name)

    def ticked(self, name: str, saved: bool) -> bool:
        """Whether a box is ticked."""
        return saved if self._form is None else checked(self._form, name)

    def version(self, found: Versioned) -> str:
        """The one that the form was filled from."""
        return version_of(found) if self._form is None else text(self._form, "version")


SAVED: Final = Shown()


def several(form: FormData, name: str) -> tuple[str, ...]:
    """Words between spaces, commas or lines."""
    return tuple(word for word in _BETWEEN.split(text(form, name)) if word)


def prefixes(form: FormData, name: str) -> tuple[str, ...]:
    """E.164 prefixes, with or without `+`. Raises `DirectoryError`."""
    return tuple(checked_prefix(word.removeprefix("+")) for word in several(form, name))
