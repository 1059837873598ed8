"""`trunkline ping`: is somebody there?"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import typer

from trunkline.cli.installation import Installation, installation
from trunkline.cli.output import Json, Row, print_card
from trunkline.cli.stations import Ground, on_ground
from trunkline.config import Settings
from trunkline.errors import ConfigError, DirectoryError
from trunkline.pstn.station import Station
from trunkline.sip.errors import SipSyntaxError
from trunkline.sip.failures import RequestFailure
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


def ping(
    context: typer.Context,
    uri: Annotated[
        str, typer.Argument(metavar="SIP-URI", help="sip:host[:port][;transport=tcp], sips:host, …")
    ],
    as_json: Json = False,
) -> None:
    """Send OPTIONS and say what came back. Exit status 1 when nothing did."""
    try:
        target = SipUri.parse(uri if uri.lower().startswith(("sip:", "sips:")) else f"sip:{uri}")
    except SipSyntaxError as error:
        raise DirectoryError(f"{uri!r}: {error}") from None
    [result] = ping_all(installation(context), [target])
    print_card(result.row(), as_json)
    if not result.answered:
        raise typer.Exit(1)


def ping_all(here: Installation, uris: Sequence[SipUri]) -> list[PingResult]:
    """Ping each of them, all at once."""
    return on_ground(_settings(here), lambda ground: _ping_all(ground, uris))


def _settings(here: Installation) -> Settings | None:
    """For the name servers: a ping needs no installation."""
    try:
        return here.settings
    except ConfigError:
        return None


async def _ping_all(ground: Ground, uris: Sequence[SipUri]) -> list[PingResult]:
    station = Station(
        _Nobody(),
        clock=ground.clock,
        locator=ground.resolver,
        token=ground.token,
        product="Trunkline",
        bind=Address("0.0.0.0", 0),
    )
    await station.start()
    try:
        return list(await asyncio.gather(*(_ping(ground, station, uri) for uri in uris)))
    finally:
        await station.close()


async def _ping(ground: Ground, station: Station, uri: SipUri) -> PingResult:
    done: asyncio.Future[Response | RequestFailure] = asyncio.get_running_loop().create_future()
    began = ground.clock.now()
    station.agent.request(
        "OPTIONS",
        uri,
        from_=NameAddr(None, SipUri("sip", "ping", "trunkline.invalid")),
        to=NameAddr(None, uri),
        headers=(("Accept", "application/sdp"),),
        on_response=done.set_result,
        on_failure=done.set_result,
    )
    outcome = await done
    if isinstance(outcome, RequestFailure):
        return PingResult(uri, False, str(outcome), None, "")
    took_ms = round((ground.clock.now() - began) * 1000, 2)
    server = outcome.headers.get("server") or outcome.headers.get("user-agent") or ""
    return PingResult(uri, True, f"{outcome.status} {outcome.reason}", took_ms, server)


class _Nobody:
    """Takes no calls."""

    def screen(self, request: Request, flow: Flow) -> Response | None:  # noqa: ARG002
        return response_to(request, 501)

    def invite_received(self, invite: IncomingInvite) -> None: ...

    def request_received(self, request: Request, transaction: ServerTransaction) -> None: ...
