"""A forwarding list as rows of fields, and back to the text that a customer would type.

What is right and wrong in it says `trunkline.trunk.forwarding` alone; here its words find their row. A row
may hold a whole list, pasted into its first field: then its other fields count for nothing.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from trunkline.trunk.forwarding import (
    Endpoint,
    ForwardingList,
    ForwardingSyntaxError,
    MediaProtection,
)
from trunkline.trunk.gateway_addresses import NONE_BARRED, Places, warned

MAX_ROWS = 20
"""Rows taken from a form; more entries than a list may have, so that it says so itself."""
_SCHEME = re.compile(r"sips?:", re.IGNORECASE)
_PORT = re.compile(r"(?<=[\w.\]-]):\d*$", re.ASCII)
_ENTRY = re.compile(r"entry (\d+): (.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Row:
    """One endpoint, as the fields of a form have it."""

    uri: str = ""
    """Without what the other fields say."""
    port: str = ""
    transport: str = ""
    """`udp`, `tcp`, `tls`; empty: as the URI and DNS have it."""
    timeout: str = ""
    """Milliseconds."""
    media: str = ""
    """`srtp`, or empty."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the parser says of some rows."""

    text: str
    """The list that they make."""
    forwarding: ForwardingList | None
    """None: it can't be saved."""
    errors: dict[int, str]
    """Row (from 0; -1: the list as a whole) and what is wrong with it."""
    warnings: tuple[tuple[int, str], ...]
    """Row, and what should be known about it."""


def rows_of(forwarding: ForwardingList) -> list[Row]:
    """One for each endpoint."""
    return [_row(endpoint) for endpoint in forwarding.endpoints]


def _row(endpoint: Endpoint) -> Row:
    uri = endpoint.uri
    shown = str(uri.without("port", "transport"))
    if endpoint.text and _SCHEME.match(endpoint.text) is None:
        shown = shown.removeprefix("sip:")
    return Row(
        uri=shown,
        port="" if uri.port is None else str(uri.port),
        transport=uri.transport or "",
        timeout="" if endpoint.timeout_ms is None else str(endpoint.timeout_ms),
        media="srtp" if endpoint.media is MediaProtection.SRTP else "",
    )


def rows_from(columns: dict[str, Sequence[str]]) -> list[Row]:
    """From a form's repeated fields, empty rows among them."""

    def cell(name: str, at: int) -> str:
        values = columns.get(name, ())
        return values[at] if at < len(values) else ""

    height = min(len(columns.get("uri", ())), MAX_ROWS)
    return [Row(*(cell(name, at) for name in Row.__slots__)) for at in range(height)]


def text_of(rows: Sequence[Row]) -> str:
    """The comma-separated list; rows without a URI are none."""
    return ", ".join(entry_text(row) for row in rows if row.uri)


def entry_text(row: Row) -> str:
    """One row as it would be typed."""
    if "," in row.uri:
        return row.uri.strip(", ")
    head, at, tail = row.uri.rpartition("@")
    host, _, params = tail.partition(";")
    given = (("transport", row.transport), ("timeout", row.timeout), ("media", row.media))
    names = {name for name, value in given if value}
    kept = [item for item in params.split(";") if item and item.partition("=")[0].lower() not in names]
    if row.port:
        host = f"{_PORT.sub('', host)}:{row.port}"
    parts = [f"{head}{at}{host}", *kept, *(f"{name}={value}" for name, value in given if value)]
    return ";".join(parts)


def judge(rows: Sequence[Row], barred: Places = NONE_BARRED) -> Judgement:
    """Every row by itself, then all of them together; entries at `barred` places are warned of."""
    text = text_of(rows)
    entries: list[int] = []
    errors: dict[int, str] = {}
    for number, row in enumerate(rows):
        if not row.uri:
            continue
        try:
            found = ForwardingList.parse(entry_text(row))
        except ForwardingSyntaxError as error:
            errors[number] = error.reason
        else:
            entries += [number] * len(found.endpoints)
    if errors:
        return Judgement(text, None, errors, ())
    try:
        whole = warned(ForwardingList.parse(text), barred)
    except ForwardingSyntaxError as error:
        return Judgement(text, None, {-1: error.reason}, ())
    return Judgement(text, whole, {}, tuple(_placed(warning, entries) for warning in whole.warnings))


def _placed(warning: str, entries: Sequence[int]) -> tuple[int, str]:
    match = _ENTRY.fullmatch(warning)
    if match is None:
        return -1, warning
    return entries[int(match[1]) - 1], match[2]
