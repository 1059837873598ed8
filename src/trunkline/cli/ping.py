"""`trunkline ping`: is somebody there?"""

import asyncio
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import typer

from trunkline.cli.installation import Installation, installation
from trunkline.cli.output import Json, Row, examples, print_card, progress
from trunkline.cli.stations import Ground, on_ground
from trunkline.errors import DirectoryError
from trunkline.pstn.station import Station
from trunkline.sip.dialog_request import Fields
from trunkline.sip.errors import SipSyntaxError
from trunkline.sip.failures import RequestFailure
from trunkline.sip.grammar import readable
from trunkline.sip.incoming_invite import IncomingInvite
from trunkline.sip.message import Request, Response, response_to
from trunkline.sip.name_addr import NameAddr
from trunkline.sip.ports import Address, Flow
from trunkline.sip.stack import ServerTransaction
from trunkline.sip.uri import SipUri


@dataclass(frozen=True, slots=True)
class PingResult:
    """What came back."""

    uri: SipUri
    answered: bool
    answer: str
    """`200 OK`, or why nothing came."""
    round_trip_ms: float | None
    server: str

    def row(self) -> Row:
        """For a listing."""
        return {
            "uri": str(self.uri),
            "answered": self.answered,
            "answer": self.answer,
            "round_trip_ms": self.round_trip_ms,
            "server": self.server,
        }


WAIT_S = 5.0

app = typer.Typer(add_completion=False)


@app.command(
    epilog=examples(
        "trunkline ping sip:sbc.carrier.example", "trunkline ping 'sip:192.0.2.10:5080;transport=tcp'"
    )
)
def ping(
    context: typer.Context,
    uri: Annotated[
        str, typer.Argument(metavar="SIP-URI", help="sip:host[:port][;transport=tcp], sips:host, …")
    ],
    within: Annotated[
        float, typer.Option(min=0.1, help="How long to wait for the answer, in seconds.")
    ] = WAIT_S,
    as_json: Json = False,
) -> None:
    """Send OPTIONS and say what came back. Exit status 1 when nothing did.

    Needs no installation: it asks from an address of its own.
    """
    try:
        target = SipUri.parse(uri if uri.lower().startswith(("sip:", "sips:")) else f"sip:{uri}")
    except SipSyntaxError as error:
        raise DirectoryError(f"{uri!r}: {error}") from None
    [result] = ping_all(installation(context), [target], within)
    print_card(result.row(), as_json)
    if not result.answered:
        raise typer.Exit(1)


def ping_all(here: Installation, uris: Sequence[SipUri], within_s: float = WAIT_S) -> list[PingResult]:
    """Ping each of them, all at once."""
    with progress(f"waiting for {', '.join(str(uri) for uri in uris)}"):
        return on_ground(here.settings_or_none, lambda ground: _ping_all(ground, uris, within_s))


async def _ping_all(ground: Ground, uris: Sequence[SipUri], within_s: float) -> list[PingResult]:
    station = Station(
        _Nobody(),
        clock=ground.clock,
        locator=ground.resolver,
        token=ground.token,
        product="Trunkline",
        bind=Address("0.0.0.0", 0),
        also=(Address("::", 0),) if _has_ipv6() else (),
    )
    await station.start()
    try:
        return list(await asyncio.gather(*(_ping(station, uri, within_s) for uri in uris)))
    finally:
        await station.close()


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.bind(("::", 0))
    except OSError:
        return False
    return True


async def _ping(station: Station, uri: SipUri, within_s: float) -> PingResult:
    done: asyncio.Future[Response | RequestFailure] = asyncio.get_running_loop().create_future()
    began = time.perf_counter()  # the clock of the loop has whole milliseconds

    def take(outcome: Response | RequestFailure) -> None:
        if not done.done():
            done.set_result(outcome)

    station.agent.request(
        "OPTIONS",
        uri,
        from_=NameAddr(None, SipUri("sip", "ping", "trunkline.invalid")),
        to=NameAddr(None, uri),
        headers=(("Accept", "application/sdp"),),
        on_response=take,
        on_failure=take,
    )
    try:
        outcome = await asyncio.wait_for(done, within_s)
    except TimeoutError:
        return PingResult(uri, False, f"no answer within {within_s:g} s", None, "")
    if isinstance(outcome, RequestFailure):
        return PingResult(uri, False, str(outcome), None, "")
    took_ms = round((time.perf_counter() - began) * 1000, 2)
    server = outcome.headers.get("server") or outcome.headers.get("user-agent") or ""
    return PingResult(uri, True, outcome.in_words, took_ms, readable(server))


class _Nobody:
    """Takes no calls."""

    def screen(self, request: Request, flow: Flow) -> Response | None:  # noqa: ARG002
        return response_to(request, 501)

    def invite_received(self, invite: IncomingInvite) -> None: ...

    def invite_refused(self, request: Request, flow: Flow, refusal: Response) -> Fields:
        del request, flow, refusal
        return ()

    def request_received(self, request: Request, transaction: ServerTransaction) -> None: ...
