"""The parameters of a search: country, type, features, pattern and page."""

from typing import Final, NamedTuple, TypeVar

from trunkline.store.stock import Feature, Match, NumberKind, StockFilter
from trunkline.web.nexmo.errors import MethodFailedError
from trunkline.web.nexmo.parameters import Parameters

DEFAULT_SIZE: Final = 10
MAX_SIZE: Final = 100
MAX_INDEX: Final = 1_000_000
_MATCHES: Final = {"": Match.START, "0": Match.START, "1": Match.ANYWHERE, "2": Match.END}

_Word = TypeVar("_Word", NumberKind, Feature)


class PageAsked(NamedTuple):
    """Which part of the result."""

    offset: int
    size: int


def page_of(given: Parameters) -> PageAsked:
    """`index` (from 1, default 1) and `size` (1 to 100, default 10). Raises `MethodFailedError`."""
    size = given.whole_number("size", DEFAULT_SIZE, MAX_SIZE)
    return PageAsked((given.whole_number("index", 1, MAX_INDEX) - 1) * size, size)


def search_of(given: Parameters) -> StockFilter:
    """`country`, `type`, `features`, `pattern` and `search_pattern` (0 start, 1 anywhere, 2 end). Raises
    `MethodFailedError`, `DirectoryError`."""
    match = _MATCHES.get(given.get("search_pattern", ""))
    if match is None:
        raise MethodFailedError("search_pattern is 0 (start), 1 (anywhere) or 2 (end)")
    kind = given.get("type", "").strip()
    features = [word for word in given.get("features", "").split(",") if word.strip()]
    return StockFilter(
        country=country_of_request(given),
        kind=_word(NumberKind, "type", kind.lower()) if kind else None,
        features=frozenset(_word(Feature, "features", word.strip().upper()) for word in features),
        pattern=given.get("pattern", "").strip(),
        match=match,
    )


def country_of_request(given: Parameters) -> str | None:
    """`country`, upper case; None: it is not said. Raises `MethodFailedError`."""
    country = given.get("country", "").strip().upper()
    if country and not (len(country) == 2 and country.isascii() and country.isalpha()):
        raise MethodFailedError("country is two letters, such as GB")
    return country or None


def _word(words: type[_Word], name: str, value: str) -> _Word:
    try:
        return words(value)
    except ValueError:
        raise MethodFailedError(f"{name} is one of {', '.join(words)}") from None
