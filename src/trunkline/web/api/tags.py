"""ETag and If-Match (RFC 9110 §8.8.3, §13.1.1): nobody overwrites what somebody else changed meanwhile.

If-Match is optional on a change or removal. With it, that is made only to the version that it names, or
refused with 412; the comparison is made in the same transaction. Without it, the last change wins.
"""

from collections.abc import Callable
from typing import Annotated, TypeVar

from fastapi import Header
from starlette.responses import Response

from trunkline.store.webhooks import Webhook
from trunkline.trunk.account import Account
from trunkline.trunk.carrier import Carrier
from trunkline.trunk.number import Number
from trunkline.trunk.routes import Route
from trunkline.web.errors import ChangedMeanwhileError
from trunkline.web.versions import Versioned, version_of

_T = TypeVar("_T", Account, Number, Carrier, Route, Webhook)

IfMatch = Annotated[
    str | None,
    Header(
        alias="If-Match",
        max_length=1000,
        description="The ETag of the version to change or remove; another one is answered 412.",
    ),
]


def tag_of(thing: Versioned) -> str:
    """A strong entity tag."""
    return f'"{version_of(thing)}"'


def tagged(response: Response, thing: Versioned) -> None:
    """Tell which version the response shows."""
    response.headers["ETag"] = tag_of(thing)


def guard_of(if_match: str | None) -> Callable[[_T], None] | None:
    """What the repositories have look at a thing before they change it."""
    if if_match is None or if_match.strip() == "*":
        return None
    tags = {tag.strip() for tag in if_match.split(",")}

    def guard(thing: _T) -> None:
        if tag_of(thing) not in tags:
            raise ChangedMeanwhileError("it is not what If-Match names any more; get it again")

    return guard
