"""`trunkline dial`: a test phone that places one call and says what it heard."""

from dataclasses import asdict
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated

import typer

from trunkline.call.ports import Tone, WavFile
from trunkline.cli.installation import Installation, installation
from trunkline.cli.output import Json, examples, listed, print_card, print_json, progress, say
from trunkline.cli.stations import Ground, on_ground
from trunkline.config.advertised import own_address
from trunkline.errors import ConfigError, DirectoryError
from trunkline.media.terminals import Silence, Source
from trunkline.pstn.dialling import CallReport, Dialling, Step
from trunkline.pstn.phone import Phone
from trunkline.pstn.phone_engine import phone_engine
from trunkline.pstn.talker import CODECS
from trunkline.sdp.codecs import CODEC_NAMES, canonical_codec_name
from trunkline.sip.errors import SipSyntaxError
from trunkline.sip.outbound_auth import DigestUser
from trunkline.sip.ports import Address
from trunkline.sip.uri import SipUri
from trunkline.trunk.account import check_codecs
from trunkline.trunk.e164 import is_number

_REMEDIES = {
    True: "Calls through the trunk need --key and --secret of an account.",
    False: "Check --key and --secret; trunkline explain KEY NUMBER says what else could be refused.",
}

MAX_WAIT_S = 86_400.0


def _patience(given_s: float) -> float:
    if not 0 <= given_s <= MAX_WAIT_S:
        raise typer.BadParameter(f"{given_s:g} is not from 0 to {MAX_WAIT_S:g} seconds")
    return given_s


def _address(given: str | None) -> str | None:
    if given is None:
        return None
    try:
        return str(ip_address(given))
    except ValueError:
        raise typer.BadParameter(f"{given[:80]!r} is not an IP address") from None


app = typer.Typer(add_completion=False)


@app.command(
    epilog=examples(
        "trunkline dial 9992000 --key demo --secret demo-secret-1 --listen 1004",
        "trunkline dial +493012345678 --key trunk1 --secret SECRET --file hello.wav --record heard.wav",
        "trunkline dial 9991000 --key demo --secret demo-secret-1 --codec G729 --srtp --tone 700",
        "trunkline dial 'sip:100@pbx.example.com;transport=tcp' --digits 12#",
    )
)
def dial(
    context: typer.Context,
    to: Annotated[
        str,
        typer.Argument(
            metavar="TO", help="A number, dialled at the node of this installation; or a SIP URI."
        ),
    ],
    key: Annotated[str | None, typer.Option(help="The account's API key.")] = None,
    secret: Annotated[str | None, typer.Option(help="Its API secret.", envvar="TRUNKLINE_SECRET")] = None,
    caller: Annotated[str | None, typer.Option(help="The caller ID, in From.")] = None,
    tone: Annotated[float | None, typer.Option(help="Play a tone of so many Hz.")] = None,
    file: Annotated[Path | None, typer.Option(help="Play a WAV file: 8000 Hz, mono, 16 bits.")] = None,
    record: Annotated[Path | None, typer.Option(help="Record what is heard into this WAV file.")] = None,
    listen: Annotated[
        list[float] | None, typer.Option(help="Listen for a tone of so many Hz; once for each.")
    ] = None,
    codec: Annotated[
        list[str] | None,
        typer.Option(help=f"What to offer, preferred first: {', '.join(CODEC_NAMES)}. Default: PCMA, PCMU."),
    ] = None,
    ptime: Annotated[int, typer.Option(min=10, max=60, help="Milliseconds of audio in a packet.")] = 20,
    srtp: Annotated[
        bool, typer.Option("--srtp", help="Offer encrypted audio (SDES), and nothing else.")
    ] = False,
    digits: Annotated[
        str,
        typer.Option(
            help="Send these digits after the answer, as telephone-events (RFC 4733) or tones; w waits 0.5 s."
        ),
    ] = "",
    info: Annotated[bool, typer.Option("--info", help="Send the digits in INFO requests instead.")] = False,
    seconds: Annotated[
        float, typer.Option("--for", callback=_patience, help="How long to stay in the call, in seconds.")
    ] = 5.0,
    ring: Annotated[
        float, typer.Option(callback=_patience, help="How long to wait for an answer, in seconds.")
    ] = 60.0,
    bind: Annotated[
        str | None, typer.Option(callback=_address, help="The local IP address to call from.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Place a test call, and say what was heard.

    Plays a tone or a file (or silence), listens, records if asked to, and hangs up.

    Exit status 1 unless the call was answered and every tone listened for was heard.
    """
    here = installation(context)
    frequencies = tuple(listen or ([] if tone is None else [tone]))
    say_source: Source = Silence()
    if tone is not None:
        say_source = Tone((tone,))
    if file is not None:
        say_source = WavFile(str(file), repeat=True)
    if (key is None) != (secret is None):
        raise DirectoryError("--key and --secret go together")
    target, domain = _target(here, to)
    dialling = Dialling(
        to=target,
        caller=caller,
        domain=domain,
        credentials=DigestUser(key, secret) if key is not None and secret is not None else None,
        say=say_source,
        listen_for=frequencies,
        digits=digits,
        info=info,
        talk_s=seconds,
        ring_s=ring,
        record_to=record,
        codecs=_codecs(codec),
        ptime_ms=ptime,
        srtp=srtp,
        noted=_quiet if as_json else _say_step,
    )
    local = bind or local_address_for(target)
    with progress(f"calling {target}"):
        report = on_ground(here.settings_or_none, lambda ground: _dial(ground, local, dialling))
    _print(report, as_json)
    if report.status in (401, 403, 407) and not as_json:
        say(_REMEDIES[key is None])
    if not report.answered or not all(report.heard(frequency) for frequency in listen or ()):
        raise typer.Exit(1)


def _codecs(given: list[str] | None) -> tuple[str, ...]:
    if not given:
        return CODECS
    codecs = tuple([canonical_codec_name(name) or name for name in listed(given)])
    check_codecs(codecs, "--codec")
    return codecs


def _target(here: Installation, to: str) -> tuple[SipUri, str | None]:
    """The Request-URI, and the domain for From."""
    if to.lower().startswith(("sip:", "sips:")) or "@" in to:
        try:
            return SipUri.parse(to if ":" in to.partition("@")[0] else f"sip:{to}"), None
        except SipSyntaxError as error:
            raise DirectoryError(f"{to!r}: {error}") from None
    settings = here.settings
    if not settings.sip.udp:
        raise ConfigError(
            "the node does not listen on UDP: dial a whole SIP URI, such as sip:NUMBER@host;transport=tcp"
        )
    address = settings.sip.udp[0]
    host = address.host
    if ip_address(host).is_unspecified:
        host = "::1" if ":" in host else "127.0.0.1"
    user = to.replace(" ", "") if is_number(to) else to
    try:
        return SipUri.parse(str(SipUri("sip", user, host, address.port))), settings.service.domain
    except SipSyntaxError:
        raise DirectoryError(f"{to!r} is neither a number nor a SIP URI") from None


def local_address_for(target: SipUri) -> str:
    """The address to call from: loopback for loopback, else the one that packets to the world leave from."""
    try:
        address = ip_address(target.host)
    except ValueError:
        return own_address(ipv6=False) or "127.0.0.1"
    if address.is_loopback:
        return "::1" if address.version == 6 else "127.0.0.1"
    return own_address(ipv6=address.version == 6) or ("::1" if address.version == 6 else "127.0.0.1")


async def _dial(ground: Ground, local: str, dialling: Dialling) -> CallReport:
    media = phone_engine(local)
    try:
        phone = Phone(
            clock=ground.clock,
            media=media,
            locator=ground.resolver,
            token=ground.token,
            bind=Address(local, 0),
        )
        await phone.start()
        try:
            return await phone.dial(dialling)
        finally:
            await phone.close()
    finally:
        media.stop()


def _say_step(step: Step) -> None:
    say(f"{step.at_s:8.3f} s  {step.what}")


def _quiet(step: Step) -> None:
    """Nothing: the report holds every step."""


def _print(report: CallReport, as_json: bool) -> None:
    if as_json:
        print_json(asdict(report) | {"hearing": report.hearing._asdict()})
        return
    if not report.answered:
        print_card({"outcome": report.outcome}, as_json=False)
        return
    figures = report.figures
    card: dict[str, object] = {
        "outcome": report.outcome,
        "codec": report.codec,
        "talk_s": report.talk_s,
        "packets_received": figures.packets_received,
        "packets_sent": figures.packets_sent,
        "packets_lost": figures.packets_lost,
        "MOS": None if figures.mos is None else round(figures.mos, 2),
        "digits_heard": report.hearing.digits,
        "digits_in_info": report.digits_in_info,
    }
    if report.hearing.missed:
        card["not_said"] = f"{report.hearing.missed} packets: this machine was too busy"
    for heard in report.hearing.tones:
        level = "" if heard.level_dbm0 is None else f" at {heard.level_dbm0:.0f} dBm0"
        card[f"heard_{heard.frequency_hz:g}_Hz"] = f"{heard.duration_ms} ms{level}"
    print_card(card, as_json=False)
