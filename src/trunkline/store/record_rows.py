"""Call and attempt records as rows, and back. The row is built on the event loop at every flush: it is kept
cheap.

A record changes under the loop's hands while a thread writes, so the thread gets a tuple of what it said at
one moment. The column order is that of `schema.call` and `schema.attempt`.
"""

from typing import Any, Final

from trunkline.call.quality import Courses
from trunkline.call.record import AttemptRecord, CallRecord, Direction, MediaFigures, Party, RecordState
from trunkline.store import schema
from trunkline.trunk.verdict import Slug, Verdict

RecordRow = tuple[Any, ...]

MAX_CALL_ID: Final = 512
"""Characters of a peer's Call-ID that are kept: an index of PostgreSQL takes up to 2704 bytes."""
CALL_COLUMNS: Final = tuple(column.name for column in schema.call.columns)
ATTEMPT_COLUMNS: Final = tuple(column.name for column in schema.attempt.columns)
_SLUGS: Final = {slug: str(slug) for slug in Slug}
_BY_SLUG: Final = {str(slug): slug for slug in Slug}
_NO_VERDICT: Final = (None, None, None, None, None)


def _verdict_columns(verdict: Verdict | None) -> RecordRow:
    if verdict is None:
        return _NO_VERDICT
    return _SLUGS[verdict.slug], verdict.status, verdict.q850, verdict.detail, verdict.retry_after_s


def call_row(record: CallRecord, run: str) -> RecordRow:
    """`record` as it is now, in the order of `CALL_COLUMNS`."""
    caller, callee = record.caller_media, record.callee_media
    party = record.hung_up_by
    return (
        record.call_id,
        run,
        record.node,
        record.direction.value,
        record.account,
        record.number,
        record.dialled,
        record.called,
        record.caller,
        record.sip_call_id[:MAX_CALL_ID],
        record.source,
        record.setup_at,
        record.ringing_at,
        record.answered_at,
        record.ended_at,
        record.state.value,
        record.carrier,
        record.attempts,
        None if party is None else party.value,
        *_verdict_columns(record.verdict),
        caller.codec,
        caller.packets_received,
        caller.packets_sent,
        caller.packets_lost,
        caller.jitter_ms,
        caller.mos,
        callee.codec,
        callee.packets_received,
        callee.packets_sent,
        callee.packets_lost,
        callee.jitter_ms,
        callee.mos,
    )


def attempt_row(record: AttemptRecord, run: str) -> RecordRow:
    """`record` as it is now, in the order of `ATTEMPT_COLUMNS`, and the run that writes it."""
    return (
        record.call_id,
        record.attempt_id,
        record.position,
        record.target,
        record.carrier,
        record.started_at,
        record.sip_call_id,
        record.resolved,
        record.ringing_at,
        record.answered_at,
        record.ended_at,
        *_verdict_columns(record.verdict),
        run,
    )


def quality_row(call_id: str, courses: Courses) -> RecordRow | None:
    """The course of a call that has ended, in the order of `schema.call_quality`; None for one too short."""
    course = courses.write()
    return None if course is None else (call_id, course)


def call_from(row: RecordRow) -> CallRecord:
    """The record in a row of `CALL_COLUMNS`."""
    value = dict(zip(CALL_COLUMNS, row, strict=True))
    party = value["hung_up_by"]
    return CallRecord(
        call_id=value["call_id"],
        node=value["node"],
        direction=Direction(value["direction"]),
        account=value["account"],
        number=value["number"],
        dialled=value["dialled"],
        called=value["called"],
        caller=value["caller"],
        sip_call_id=value["sip_call_id"],
        source=value["source"],
        setup_at=value["setup_at"],
        ringing_at=value["ringing_at"],
        answered_at=value["answered_at"],
        ended_at=value["ended_at"],
        state=RecordState(value["state"]),
        carrier=value["carrier"],
        attempts=value["attempts"],
        hung_up_by=None if party is None else Party(party),
        verdict=_verdict(value),
        caller_media=_figures(value, "caller"),
        callee_media=_figures(value, "callee"),
    )


def attempt_from(row: RecordRow) -> AttemptRecord:
    """The record in a row of `ATTEMPT_COLUMNS`."""
    value = dict(zip(ATTEMPT_COLUMNS, row, strict=True))
    return AttemptRecord(
        attempt_id=value["attempt_id"],
        call_id=value["call_id"],
        position=value["position"],
        target=value["target"],
        carrier=value["carrier"],
        started_at=value["started_at"],
        sip_call_id=value["sip_call_id"],
        resolved=value["resolved"],
        ringing_at=value["ringing_at"],
        answered_at=value["answered_at"],
        ended_at=value["ended_at"],
        verdict=_verdict(value),
    )


def _verdict(value: dict[str, Any]) -> Verdict | None:
    word = value["verdict"]
    if word is None:
        return None
    known = _BY_SLUG.get(word)
    detail = value["detail"] if known is not None else f"{word}: {value['detail']}"
    slug = known or Slug.INTERNAL_ERROR
    return Verdict(slug, value["status"], value["q850"], detail, value["retry_after_s"])


def _figures(value: dict[str, Any], side: str) -> MediaFigures:
    return MediaFigures(
        codec=value[f"{side}_codec"],
        packets_received=value[f"{side}_packets_received"],
        packets_sent=value[f"{side}_packets_sent"],
        packets_lost=value[f"{side}_packets_lost"],
        jitter_ms=value[f"{side}_jitter_ms"],
        mos=value[f"{side}_mos"],
    )
