"""Call records as CSV (RFC 4180), every column of the record, for spreadsheets and programs.

Safe for both: a cell of text that a spreadsheet would take for a formula begins with an apostrophe, and
control characters are made visible. Written a page at a time, so that a million records take no more memory
than one page.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

from trunkline.call.record import CallRecord, MediaFigures
from trunkline.web.dashboard.wording import short

MAX_CELL = 32_000
"""Characters; spreadsheets take 32,767."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_LEG = ("codec", "packets_received", "packets_sent", "packets_lost", "jitter_ms", "mos")
COLUMNS = (
    *("call_id", "node", "direction", "state", "account", "number", "carrier", "caller", "dialled", "called"),
    *(
        "source",
        "sip_call_id",
        "setup_at",
        "ringing_at",
        "answered_at",
        "ended_at",
        "setup_s",
        "ring_s",
        "talk_s",
    ),
    *("attempts", "hung_up_by", "status", "q850", "verdict", "detail", "retry_after_s"),
    *(f"{side}_{name}" for side in ("caller", "callee") for name in _LEG),
)


def csv_lines(pages: Iterable[Sequence[CallRecord]]) -> Iterator[bytes]:
    """The file: a line of column names, then one for each record, in the order given."""
    yield _written([COLUMNS])
    for page in pages:
        yield _written([cells(record) for record in page])


def cells(record: CallRecord) -> list[str | int | float | None]:
    """One record in the order of `COLUMNS`; moments in UTC (ISO 8601)."""
    verdict = record.verdict
    return [
        *map(text, (record.call_id, record.node, record.direction.value, record.state.value)),
        *map(text, (record.account, record.number, record.carrier, record.caller)),
        *map(text, (record.dialled, record.called, record.source, record.sip_call_id)),
        *map(_moment, (record.setup_at, record.ringing_at, record.answered_at, record.ended_at)),
        None if record.setup_s is None else round(record.setup_s, 3),
        round(record.ring_s, 3),
        round(record.talk_s, 3),
        record.attempts,
        None if record.hung_up_by is None else record.hung_up_by.value,
        *(
            (None,) * 5
            if verdict is None
            else (
                verdict.status,
                verdict.q850,
                str(verdict.slug),
                text(verdict.detail),
                verdict.retry_after_s,
            )
        ),
        *_figures(record.caller_media),
        *_figures(record.callee_media),
    ]


def text(value: str | None) -> str | None:
    """A cell of text that is nothing but text, whatever opens the file."""
    if not value:
        return value
    return f"'{short(value, MAX_CELL)}" if value.startswith(_FORMULA) else short(value, MAX_CELL)


def _figures(media: MediaFigures) -> tuple[str | int | float | None, ...]:
    return (
        text(media.codec),
        media.packets_received,
        media.packets_sent,
        media.packets_lost,
        round(media.jitter_ms, 2),
        None if media.mos is None else round(media.mos, 2),
    )


def _moment(at: float | None) -> str | None:
    return None if at is None else datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")


def _written(rows: Iterable[Sequence[object]]) -> bytes:
    buffer = io.StringIO(newline="")
    csv.writer(buffer).writerows(rows)
    return buffer.getvalue().encode("utf-8", "replace")
