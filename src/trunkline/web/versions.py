"""Protection against lost updates: whoever changes a thing says which version of it was seen.

The version is a hash of everything that can be changed; secrets are not in it.
"""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from trunkline.store.webhooks import Webhook
from trunkline.trunk.account import Account
from trunkline.trunk.carrier import Carrier
from trunkline.trunk.number import Number
from trunkline.trunk.routes import Route
from trunkline.web.errors import ChangedMeanwhileError

Versioned = Account | Number | Carrier | Route | Webhook
_T = TypeVar("_T", Account, Number, Carrier, Route, Webhook)


def version_of(thing: Versioned) -> str:
    """Hexadecimal digits that are others after every change."""
    shown = thing
    if isinstance(thing, Account):
        shown = replace(thing, credentials=())
    elif isinstance(thing, Webhook):
        shown = replace(thing, dropped=0)
    return hashlib.sha256(repr(shown).encode()).hexdigest()[:32]


def unchanged(version: str) -> Callable[[_T], None]:
    """A guard for the repositories: raises `ChangedMeanwhileError` unless the thing is of that version."""

    def guard(thing: _T) -> None:
        if version_of(thing) != version:
            raise ChangedMeanwhileError("it was changed meanwhile; look at what it is now")

    return guard
