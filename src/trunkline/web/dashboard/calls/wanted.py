"""The filter of the list of calls: from the address of the page, and back into its form and links."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlencode

from trunkline.call.record import Direction
from trunkline.errors import DirectoryError
from trunkline.store.calls import CallFilter
from trunkline.trunk.verdict import Slug

FIELDS = ("account", "number", "party", "direction", "result", "since", "until", "call_id")
UNANSWERED = "unanswered"
"""The result of every call that is over and was not answered."""
FAILED = "failed"
"""Of those, the ones that the overview counts as failed."""
_SLUGS = {str(slug): slug for slug in Slug if slug is not Slug.ABANDONED}
RESULTS = (("", "All"), (UNANSWERED, "Not answered"), (FAILED, "Failed"), *((word, word) for word in _SLUGS))
"""What can be chosen, each with its words."""
_MARKS = re.compile(r"[\s().+/-]+")
_MAX_CALL_ID = 1024


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which calls somebody asked for."""

    fields: Mapping[str, str]
    """As typed, by name of `FIELDS`; empty strings for those that were left out."""
    filter: CallFilter

    @property
    def narrowed(self) -> bool:
        """Whether anything was asked for."""
        return any(self.fields.values())

    def link(self, path: str, **more: str) -> str:
        """An address with the same filter."""
        kept = {name: value for name, value in (*self.fields.items(), *more.items()) if value}
        return f"{path}?{urlencode(kept)}" if kept else path


def wanted_of(query: Mapping[str, str]) -> Wanted:
    """What the query of an address asks for. Raises `DirectoryError` that names the field."""
    fields = {name: query.get(name, "").strip()[:_MAX_CALL_ID] for name in FIELDS}
    result = fields["result"]
    if result not in dict(RESULTS):
        raise DirectoryError(f"there is no result {result[:40]!r}")
    direction = fields["direction"]
    if direction not in ("", *(one.value for one in Direction)):
        raise DirectoryError("the direction is inbound or outbound")
    return Wanted(
        fields,
        CallFilter(
            account=fields["account"] or None,
            number=_number(fields["number"]),
            party=_digits(fields["party"]) or fields["party"] or None,
            direction=Direction(direction) if direction else None,
            slug=_SLUGS.get(result),
            unanswered=result == UNANSWERED,
            failed=result == FAILED,
            sip_call_id=fields["call_id"] or None,
            since_at=_moment("since", fields["since"]),
            until_at=_moment("until", fields["until"]),
        ),
    )


def unfiltered(query: Mapping[str, str]) -> Wanted:
    """The fields as typed, and no filter: for showing the form again."""
    return Wanted({name: query.get(name, "").strip()[:_MAX_CALL_ID] for name in FIELDS}, CallFilter())


def _number(typed: str) -> str | None:
    digits = _digits(typed)
    if typed and not digits:
        raise DirectoryError(f"{typed[:40]!r} is no number")
    return digits or None


def _digits(typed: str) -> str:
    """Those of a number as people write it; empty for anything else, such as a caller's name."""
    bare = _MARKS.sub("", typed).removeprefix("00")
    return bare if bare.isascii() and bare.isdigit() else ""


def _moment(name: str, typed: str) -> float | None:
    """Wall-clock seconds of a date and time in UTC, as `datetime-local` writes them."""
    if not typed:
        return None
    try:
        moment = datetime.fromisoformat(typed)
        return moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()
    except (ValueError, OverflowError):
        raise DirectoryError(f"{name} is a date and time in UTC, such as 2026-11-28T09:30") from None
