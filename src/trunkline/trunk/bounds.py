"""How much an account, a carrier or a route may be given, whichever door it comes through.

Looked at when something is given (by the store), not when a thing is made: what was kept before there was a
bound counts on, and does not stand in the way of other changes.
"""

import re
from typing import Final

from trunkline.errors import DirectoryError
from trunkline.trunk.account import Account
from trunkline.trunk.carrier import Carrier
from trunkline.trunk.routes import Route

PRINTABLE: Final = r"[^\x00-\x1f\x7f-\x9f]*"
MAX_NAME: Final = 200
"""Characters of what an account is called, all of them `PRINTABLE`."""
MAX_PREFIXES: Final = 1000
"""In each list of an account."""
MAX_GATEWAYS: Final = 100
MAX_GATEWAY_URI: Final = 300
"""Characters."""
MAX_RULES: Final = 100
"""In each list of a carrier."""
MAX_SOURCES: Final = 1000
MAX_ROUTE_CARRIERS: Final = 100

_LISTS: Final[dict[type, dict[str, int]]] = {
    Account: {"allowed_prefixes": MAX_PREFIXES, "denied_prefixes": MAX_PREFIXES},
    Carrier: {
        "gateways": MAX_GATEWAYS,
        "called_rules": MAX_RULES,
        "caller_rules": MAX_RULES,
        "inbound_called_rules": MAX_RULES,
        "inbound_caller_rules": MAX_RULES,
        "sources": MAX_SOURCES,
    },
    Route: {"carriers": MAX_ROUTE_CARRIERS},
}
_printable = re.compile(PRINTABLE).fullmatch


def is_printable(text: str) -> bool:
    """Whether it is one line without control characters."""
    return _printable(text) is not None


def check_bounds(thing: Account | Carrier | Route, before: Account | Carrier | Route | None = None) -> None:
    """Raise `DirectoryError` unless `thing` is within its bounds. What it has in common with `before` is not
    looked at."""
    for field, most in _LISTS[type(thing)].items():
        held = getattr(thing, field)
        if len(held) > most and held != getattr(before, field, None):
            raise DirectoryError(f"{field.replace('_', ' ')}: at most {most}, and these are {len(held)}")
    if isinstance(thing, Account) and thing.name != getattr(before, "name", None):
        _check_name(thing)
    if isinstance(thing, Carrier):
        stood = before.gateways if isinstance(before, Carrier) else ()
        for gateway in thing.gateways:
            if len(str(gateway.uri)) > MAX_GATEWAY_URI and gateway not in stood:
                raise DirectoryError(f"a gateway's URI has at most {MAX_GATEWAY_URI} characters")


def _check_name(account: Account) -> None:
    if len(account.name) > MAX_NAME:
        raise DirectoryError(f"account {account.key}: its name has at most {MAX_NAME} characters")
    if not is_printable(account.name):
        raise DirectoryError(f"account {account.key}: its name is one line, without control characters")
