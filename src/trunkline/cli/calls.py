"""`trunkline calls`: the call records, calls as they happen, and everything about one call."""

import json
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer

from trunkline.call.quality import Quality
from trunkline.call.record import AttemptRecord, CallRecord, MediaFigures, RecordState
from trunkline.cli.installation import Installation, installation
from trunkline.cli.output import (
    Json,
    Row,
    console,
    examples,
    moment,
    print_card,
    print_json,
    print_rows,
    say,
    say_aside,
)
from trunkline.errors import ConfigError, DirectoryError
from trunkline.observe.journal import read_ladder
from trunkline.observe.ladder_text import render_ladder, render_messages
from trunkline.observe.message import LadderMessage
from trunkline.observe.pcap import write_pcap
from trunkline.store.calls import CallFilter
from trunkline.trunk.e164 import normalise
from trunkline.web.control_client import NoNodeError
from trunkline.web.views import CallEvent, LiveCall

app = typer.Typer(add_completion=False)


@app.command(
    epilog=examples(
        "trunkline calls --account trunk1 --hours 24",
        "trunkline calls --follow",
        "trunkline calls CALL-ID",
        "trunkline calls CALL-ID --quality",
        "trunkline calls CALL-ID --pcap call.pcap",
        "trunkline calls CALL-ID --hang-up",
    )
)
def calls(
    context: typer.Context,
    call_id: Annotated[str | None, typer.Argument(metavar="[CALL-ID]", help="One call, whole.")] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Print calls as they happen.")] = False,
    account: Annotated[str | None, typer.Option(help="Only of this account.")] = None,
    number: Annotated[
        str | None, typer.Option(help="Only to this number of ours, or with it as caller ID.")
    ] = None,
    hours: Annotated[float | None, typer.Option(min=0, help="Only of the last so many hours.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many, newest first.")] = 50,
    messages: Annotated[
        bool, typer.Option("--messages", help="Show every SIP message of the call whole.")
    ] = False,
    quality: Annotated[
        bool, typer.Option("--quality", help="Show how the audio of the call went over its time.")
    ] = False,
    pcap: Annotated[
        Path | None, typer.Option(help="Write the call's SIP messages to this file, for Wireshark.")
    ] = None,
    hang_up: Annotated[bool, typer.Option("--hang-up", help="End the call CALL-ID.")] = False,
    as_json: Json = False,
) -> None:
    """List calls, follow them, or show one with its SIP ladder.

    Newest first. With CALL-ID: the record, every attempt, and the messages of both legs.
    """
    here = installation(context)
    number = None if number is None else normalise(number)
    if call_id is None and (hang_up or messages or quality or pcap is not None):
        raise ConfigError(
            "--hang-up, --messages, --quality and --pcap need a CALL-ID; trunkline calls lists them"
        )
    if call_id is not None and hang_up:
        _hang_up(here, call_id)
    elif call_id is not None and quality and not as_json:
        print_rows(quality_rows(quality_of(here, call_id)), False, "The call was too short, or is not kept.")
    elif call_id is not None and not follow:
        _one(here, call_id, messages=messages, pcap=pcap, as_json=as_json)
    elif follow:
        _follow(here, _Wanted(call_id, account, number), as_json)
    else:
        since_at = None if hours is None else time.time() - hours * 3600
        page = here.store.calls.list(
            CallFilter(account=account, number=number, since_at=since_at), limit=limit
        )
        print_rows((_row(call) for call in page.calls), as_json, "No calls.")


def _row(call: CallRecord) -> Row:
    return {
        "call_id": call.call_id,
        "setup_at": moment(call.setup_at),
        "direction": call.direction.value,
        "account": call.account,
        "caller": call.caller,
        "called": call.called or call.dialled,
        "talk_s": round(call.talk_s, 1),
        "status": None if call.verdict is None else call.verdict.status,
        "verdict": call.state.value if call.verdict is None else str(call.verdict.slug),
    }


def call_card(call: CallRecord) -> dict[str, object]:
    """Every column of a call's record."""
    verdict = call.verdict
    return {
        "call_id": call.call_id,
        "node": call.node,
        "direction": call.direction.value,
        "state": call.state.value,
        "account": call.account,
        "number": call.number,
        "carrier": call.carrier,
        "caller": call.caller,
        "dialled": call.dialled,
        "called": call.called,
        "source": call.source,
        "sip_call_id": call.sip_call_id,
        "setup_at": moment(call.setup_at),
        "ringing_at": moment(call.ringing_at),
        "answered_at": moment(call.answered_at),
        "ended_at": moment(call.ended_at),
        "setup_s": None if call.setup_s is None else round(call.setup_s, 3),
        "ring_s": round(call.ring_s, 3),
        "talk_s": round(call.talk_s, 3),
        "attempts": call.attempts,
        "hung_up_by": None if call.hung_up_by is None else call.hung_up_by.value,
        "status": None if verdict is None else verdict.status,
        "verdict": None if verdict is None else str(verdict.slug),
        "why": None if verdict is None else verdict.in_words(),
        "caller_media": media_words(call.caller_media),
        "callee_media": media_words(call.callee_media),
        "transcoded": call.transcoded,
    }


def media_words(figures: MediaFigures) -> str:
    """One leg's audio in a line."""
    if not figures.codec:
        return "none"
    mos = "-" if figures.mos is None else f"{figures.mos:.2f}"
    return (
        f"{figures.codec}, {figures.packets_received} in, {figures.packets_sent} out, "
        f"{figures.packets_lost} lost, jitter {figures.jitter_ms:.1f} ms, MOS {mos}"
    )


def attempt_row(attempt: AttemptRecord) -> dict[str, object]:
    """One attempt."""
    verdict = attempt.verdict
    return {
        "position": attempt.position,
        "target": attempt.target,
        "resolved": attempt.resolved,
        "started_at": moment(attempt.started_at),
        "status": None if verdict is None else verdict.status,
        "verdict": "under way" if verdict is None else str(verdict.slug),
        "detail": None if verdict is None else verdict.detail or verdict.text,
    }


def _one(here: Installation, call_id: str, *, messages: bool, pcap: Path | None, as_json: bool) -> None:
    detail = here.store.calls.get(call_id)
    ladder = ladder_of(here, call_id)
    if pcap is not None:
        with pcap.open("wb") as file:
            written = write_pcap(file, ladder)
        say(f"{written} packets in {pcap}")
        return
    card = call_card(detail.call)
    if as_json:
        card["attempt_records"] = [attempt_row(attempt) for attempt in detail.attempts]
        card["quality"] = quality_rows(quality_of(here, call_id))
        card["messages"] = [
            {
                "at": message.at,
                "leg": message.leg,
                "sent": message.sent,
                "transport": str(message.transport),
                "remote": str(message.remote),
                "text": message.data.decode("utf-8", "replace"),
            }
            for message in ladder
        ]
        print_json(card)
        return
    show_call(detail.call, detail.attempts, ladder, messages=messages)


def show_call(
    call: CallRecord,
    attempts: Sequence[AttemptRecord],
    ladder: list[LadderMessage],
    *,
    messages: bool = False,
) -> None:
    """A call for a person: the record, the attempts, the ladder."""
    print_card(call_card(call), as_json=False)
    console.print()
    print_rows([attempt_row(attempt) for attempt in attempts], False, "No attempts.")
    console.print()
    console.out(render_messages(ladder) if messages else render_ladder(ladder), end="", highlight=False)


def quality_of(here: Installation, call_id: str) -> Quality:
    """How the call's audio went, or goes: from the running node while the call is up."""
    if here.store.calls.get(call_id).call.state is RecordState.OPEN:
        with suppress(NoNodeError), here.control() as node:
            going = node.quality(call_id)
            if going is not None:
                return going
    return here.store.calls.quality(call_id)


def quality_rows(quality: Quality) -> list[Row]:
    """A row for each moment at which either side has a point; what a side has none of is empty."""
    rows: list[Row] = []
    for caller, callee in quality.moments():
        there = caller or callee
        row: dict[str, object] = {"until_s": None if there is None else there.until_s}
        for name, point in (("caller", caller), ("callee", callee)):
            row |= {
                f"{name}_received": None if point is None else point.received,
                f"{name}_lost": None if point is None else point.lost,
                f"{name}_jitter_ms": None if point is None else point.jitter_ms,
                f"{name}_mos": None if point is None else point.mos,
            }
        rows.append(row)
    return rows


def ladder_of(here: Installation, call_id: str) -> list[LadderMessage]:
    """The call's SIP messages: from the running node, which has the latest, else from the disk."""
    try:
        with here.control() as node:
            return node.ladder(call_id)
    except NoNodeError:
        return read_ladder(here.settings.ladder_dir, call_id)


def _hang_up(here: Installation, call_id: str) -> None:
    with here.control() as node:
        if not node.hang_up(call_id):
            raise DirectoryError(f"no call {call_id} is up")
    say(f"Call {call_id} is ended.")


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Which calls to follow; None: any."""

    call_id: str | None
    account: str | None
    number: str | None

    def __contains__(self, call: LiveCall) -> bool:
        return (
            self.call_id in (None, call.call_id)
            and self.account in (None, call.account)
            and self.number in (None, call.caller, call.called)
        )


def _follow(here: Installation, wanted: _Wanted, as_json: bool) -> None:
    try:
        with here.control() as node:
            if not as_json:
                say_aside("Calls as they happen; Ctrl-C ends this.")
            for event in node.follow_calls():
                if event.missed:
                    say_aside(f"{event.missed} steps went by too fast to be shown")
                if event.call in wanted:
                    _event(event, as_json)
        raise ConfigError("the node has stopped: follow again once one runs")
    except NoNodeError as error:
        raise ConfigError(f"{error}; --follow needs a running node") from None
    except KeyboardInterrupt:
        raise typer.Exit(0) from None


def _event(event: CallEvent, as_json: bool) -> None:
    call = event.call
    if as_json:
        typer.echo(json.dumps(asdict(event), default=str))
        return
    end = f" {call.status} {call.verdict} after {call.talk_s:.1f} s" if call.verdict else ""
    target = f" at {call.target}" if call.target else ""
    parties = f"{call.direction.value} {call.caller} -> {call.called}"
    say(f"{moment(event.at)} {call.call_id} {parties} {call.state.value}{target}{end}")
