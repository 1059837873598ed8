"""`trunkline carrier …`: upstream SIP peers."""

from dataclasses import replace
from typing import Annotated

import typer

from trunkline.cli.installation import Installation, installation
from trunkline.cli.media_options import Dtmf, Srtp, Transcoding
from trunkline.cli.output import NONE, Json, Row, examples, listed, print_card, print_rows, say
from trunkline.cli.ping import ping_all
from trunkline.errors import DirectoryError
from trunkline.sdp.codecs import CODEC_NAMES
from trunkline.sip.uri import is_address
from trunkline.store.carriers import CarrierChanges
from trunkline.trunk.carrier import (
    Carrier,
    CarrierCredentials,
    Gateway,
    GatewayTransport,
    Network,
    Rewrite,
    parse_gateway,
    parse_network,
)

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Upstream SIP peers.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="The carrier's name.")]
Gateways = Annotated[
    list[str] | None,
    typer.Option(
        "--gateway",
        metavar="SIP-URI…",
        help="Where calls to it go: sip:host[:port][;transport=…]. Several are tried in this order.",
    ),
]
More = Annotated[
    list[str] | None, typer.Argument(metavar="[SIP-URI]…", help="More gateways, after --gateway.")
]
Balance = Annotated[
    bool, typer.Option("--balance", help="Spread calls over the gateways instead of trying them in order.")
]
Sources = Annotated[
    list[str] | None,
    typer.Option(
        "--source",
        metavar="ADDRESS",
        help="Address or CIDR range its calls come from; once for each, or with commas. "
        "Default: the gateways' addresses.",
    ),
]
User = Annotated[str | None, typer.Option(help="Our user name there, for its challenges.")]
Secret = Annotated[str | None, typer.Option(help="Our password there; kept encrypted.")]
Realm = Annotated[str | None, typer.Option(help="Answer only challenges of this realm. Default: of any.")]
Codecs = Annotated[
    list[str] | None,
    typer.Option(
        "--codec", help=f"What its side of a call may use, preferred first: {', '.join(CODEC_NAMES)}."
    ),
]
Transport = Annotated[
    GatewayTransport | None, typer.Option(help="For gateways whose URI names none. Default: udp.")
]
InboundAccount = Annotated[
    str | None,
    typer.Option(metavar="KEY", help="Its calls come with the digest credentials of this account."),
]
_RULE = "PREFIX:STRIP:PREPEND"


def _rules(about: str) -> object:
    return typer.Option(metavar=_RULE, help=f"{about}; the first rule that matches. '{NONE}' clears them.")


def _card(carrier: Carrier) -> Row:
    return {
        "name": carrier.name,
        "enabled": carrier.enabled,
        "gateways": [_gateway_words(gateway) for gateway in carrier.gateways],
        "transport": carrier.transport.value,
        "verify_tls": carrier.verify_tls,
        "sources": [str(network) for network in carrier.sources],
        "inbound_account": carrier.inbound_account,
        "user": None if carrier.credentials is None else carrier.credentials.user,
        "registers": carrier.register,
        "codecs": list(carrier.codecs),
        "transcoding": carrier.transcoding,
        "srtp": carrier.srtp.value,
        "dtmf": carrier.dtmf.value,
        "called_rules": list(map(str, carrier.called_rules)),
        "caller_rules": list(map(str, carrier.caller_rules)),
        "inbound_called_rules": list(map(str, carrier.inbound_called_rules)),
        "inbound_caller_rules": list(map(str, carrier.inbound_caller_rules)),
        "from_host": carrier.from_host,
        "trusted": carrier.trusted,
        "pings": carrier.pings,
        "ping_interval_s": carrier.ping_interval_s,
        "response_timeout_ms": carrier.response_timeout_ms,
        "ring_timeout_s": carrier.ring_timeout_s,
    }


def _gateway_words(gateway: Gateway) -> str:
    return f"{gateway.uri} (priority {gateway.priority}, weight {gateway.weight})"


@app.command(
    "add",
    epilog=examples(
        "trunkline carrier add upstream --gateway sip:sbc.carrier.example",
        "trunkline carrier add upstream --gateway sip:192.0.2.10 sip:192.0.2.11:5080",
        "trunkline carrier add upstream --gateway sips:sbc.carrier.example --user US --secret PW --register",
        "trunkline carrier add inbound-only --source 198.51.100.0/28",
    ),
)
def add(
    context: typer.Context,
    name: Name,
    more: More = None,
    gateway: Gateways = None,
    balance: Balance = False,
    source: Sources = None,
    user: User = None,
    secret: Secret = None,
    realm: Realm = None,
    register: Annotated[bool, typer.Option("--register", help="Register with the first gateway.")] = False,
    transport: Transport = None,
    codec: Codecs = None,
    inbound_account: InboundAccount = None,
    as_json: Json = False,
) -> None:
    """Add a carrier. `trunkline route add PREFIX --carrier NAME` then sends calls to it.

    Rewriting of numbers, timers and the rest: trunkline carrier set.
    """
    here = installation(context)
    gateways = _gateways([*(gateway or []), *(more or [])], balance)
    carrier = Carrier(
        name,
        gateways,
        credentials=_credentials(user, secret, realm),
        register=register,
        sources=_sources(listed(source)) if source else _addresses(gateways),
        inbound_account=inbound_account,
        transport=transport or GatewayTransport.UDP,
        codecs=tuple(listed(codec)) if codec else CODEC_NAMES,
    )
    here.store.carriers.add(carrier)
    here.changed()
    print_card(_card(carrier), as_json)
    if not as_json:
        _say_next(carrier)


def _say_next(carrier: Carrier) -> None:
    if not carrier.sources and carrier.inbound_account is None:
        say(f"\nCalls from it are not taken yet: trunkline carrier set {carrier.name} --source ADDRESS")
    if carrier.gateways:
        say(
            f"\nNext: trunkline carrier test {carrier.name}; trunkline route add all --carrier {carrier.name}"
        )


@app.command(
    "set",
    epilog=examples(
        "trunkline carrier set upstream --called-rule :0:+ (it wants a + before every number)",
        "trunkline carrier set upstream --called-rule 44:2:0 --codec PCMA,G729",
        "trunkline carrier set upstream --source 198.51.100.0/28 --source 203.0.113.7",
        "trunkline carrier set upstream --user us --secret new-password",
    ),
)
def set_(
    context: typer.Context,
    name: Name,
    more: More = None,
    gateway: Gateways = None,
    balance: Balance = False,
    source: Sources = None,
    user: User = None,
    secret: Secret = None,
    realm: Realm = None,
    register: Annotated[bool | None, typer.Option(help="Register with the first gateway.")] = None,
    transport: Transport = None,
    verify_tls: Annotated[
        bool | None, typer.Option(help="Refuse gateways whose certificate does not match their name.")
    ] = None,
    codec: Codecs = None,
    transcoding: Transcoding = None,
    srtp: Srtp = None,
    dtmf: Dtmf = None,
    inbound_account: InboundAccount = None,
    called_rule: Annotated[list[str] | None, _rules("For the called number of calls to it")] = None,
    caller_rule: Annotated[list[str] | None, _rules("For the caller's number of calls to it")] = None,
    inbound_called_rule: Annotated[
        list[str] | None, _rules("For the called number of calls from it, before it is read as E.164")
    ] = None,
    inbound_caller_rule: Annotated[
        list[str] | None, _rules("For the caller's number of calls from it")
    ] = None,
    from_host: Annotated[
        str | None, typer.Option(help=f"Host of From towards it; '{NONE}': the service domain.")
    ] = None,
    trusted: Annotated[
        bool | None, typer.Option(help="Tell it withheld caller IDs in P-Asserted-Identity (RFC 3325).")
    ] = None,
    pings: Annotated[bool | None, typer.Option(help="Ask its gateways for their health.")] = None,
    ping_interval: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="Between two pings, 1 to 3600.")
    ] = None,
    response_timeout: Annotated[
        int | None,
        typer.Option(metavar="MS", help="Silence that moves a call to the next gateway, 500 to 32000."),
    ] = None,
    ring_timeout: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="How long a call may ring, 1 to 600.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Change a carrier; what is left out stays.

    A rule PREFIX:STRIP:PREPEND takes, from a number that begins with PREFIX, STRIP digits away in front, and
    puts PREPEND there.
    """
    here = installation(context)
    changes: CarrierChanges = {}
    if gateway:
        before = here.store.carriers.get(name)
        changes["gateways"] = _gateways([*gateway, *(more or [])], balance)
        if before.sources and set(before.sources) == set(_addresses(before.gateways)):
            changes["sources"] = _addresses(changes["gateways"])
    elif more:
        raise DirectoryError(f"{more[0]!r}: gateways come after --gateway, which replaces those there are")
    elif balance:
        there_are = here.store.carriers.get(name).gateways
        changes["gateways"] = tuple(replace(item, priority=0) for item in there_are)
    if source:
        changes["sources"] = _sources(listed(source))
    credentials = _credentials(user, secret, realm)
    if credentials is not None:
        changes["credentials"] = credentials
    if codec:
        changes["codecs"] = tuple(listed(codec))
    if inbound_account is not None:
        changes["inbound_account"] = _unless_none(inbound_account)
    if from_host is not None:
        changes["from_host"] = _unless_none(from_host)
    rules = {
        "called_rules": called_rule,
        "caller_rules": caller_rule,
        "inbound_called_rules": inbound_called_rule,
        "inbound_caller_rules": inbound_caller_rule,
    }
    plain = {
        "register": register,
        "transport": transport,
        "verify_tls": verify_tls,
        "transcoding": transcoding,
        "srtp": srtp,
        "dtmf": dtmf,
        "trusted": trusted,
        "pings": pings,
        "ping_interval_s": ping_interval,
        "response_timeout_ms": response_timeout,
        "ring_timeout_s": ring_timeout,
    }
    given = {key: _rewrites(texts) for key, texts in rules.items() if texts}
    given_plain = {key: value for key, value in plain.items() if value is not None}
    changes |= CarrierChanges(**given, **given_plain)  # type: ignore[typeddict-item]
    _change(here, name, changes, as_json)


def _change(here: Installation, name: str, changes: CarrierChanges, as_json: bool) -> None:
    changed = here.store.carriers.update(name, **changes)
    here.changed()
    print_card(_card(changed), as_json)


def _unless_none(text: str) -> str | None:
    return None if text == NONE else text


def _credentials(user: str | None, secret: str | None, realm: str | None) -> CarrierCredentials | None:
    if user is None and secret is None and realm is None:
        return None
    if user is None or secret is None:
        raise DirectoryError("--user and --secret go together, and --realm with them")
    return CarrierCredentials(user, secret, realm)


def _gateways(texts: list[str], balance: bool) -> tuple[Gateway, ...]:
    return tuple(
        Gateway(parse_gateway(text), priority=0 if balance else place)
        for place, text in enumerate(listed(texts))
    )


def _rewrites(texts: list[str]) -> tuple[Rewrite, ...]:
    rules = listed(texts)
    return () if rules == [NONE] else tuple(Rewrite.parse(rule) for rule in rules)


def _sources(texts: list[str]) -> tuple[Network, ...]:
    return () if texts == [NONE] else tuple(parse_network(text) for text in texts)


def _addresses(gateways: tuple[Gateway, ...]) -> tuple[Network, ...]:
    """The gateways that are addresses."""
    hosts = dict.fromkeys(gateway.uri.host for gateway in gateways)
    return tuple(parse_network(host) for host in hosts if is_address(host))


@app.command("list")
def list_(context: typer.Context, as_json: Json = False) -> None:
    """All carriers."""
    carriers = installation(context).store.carriers.list()
    if as_json:
        print_rows((_card(carrier) for carrier in carriers), as_json, "")
        return
    rows = (
        {
            "name": carrier.name,
            "enabled": carrier.enabled,
            "gateways": [str(gateway.uri) for gateway in carrier.gateways],
            "sources": [str(network) for network in carrier.sources],
            "registers": carrier.register,
            "codecs": list(carrier.codecs),
        }
        for carrier in carriers
    )
    print_rows(rows, as_json, "No carriers yet: trunkline carrier add NAME --gateway sip:HOST")


@app.command("show")
def show(context: typer.Context, name: Name, as_json: Json = False) -> None:
    """One carrier."""
    print_card(_card(installation(context).store.carriers.get(name)), as_json)


@app.command("disable")
def disable(context: typer.Context, name: Name, as_json: Json = False) -> None:
    """Send a carrier no calls, and take none from it."""
    _change(installation(context), name, {"enabled": False}, as_json)


@app.command("enable")
def enable(context: typer.Context, name: Name, as_json: Json = False) -> None:
    """Use a disabled carrier again."""
    _change(installation(context), name, {"enabled": True}, as_json)


@app.command("remove")
def remove(context: typer.Context, name: Name) -> None:
    """Remove a carrier that no route names any more."""
    here = installation(context)
    here.store.carriers.remove(name)
    here.changed()
    say(f"Carrier {name} is removed.")


@app.command("test", epilog=examples("trunkline carrier test upstream"))
def probe(context: typer.Context, name: Name, as_json: Json = False) -> None:
    """Send OPTIONS to each of the carrier's gateways and say what came back. Exit status 1 unless all
    answer.
    """
    here = installation(context)
    carrier = here.store.carriers.get(name)
    if not carrier.gateways:
        raise DirectoryError(
            f"carrier {name!r} has no gateway: trunkline carrier set {name} --gateway SIP-URI"
        )
    results = ping_all(here, [carrier.uri_of(gateway) for gateway in carrier.gateways])
    print_rows([result.row() for result in results], as_json, "")
    if not all(result.answered for result in results):
        raise typer.Exit(1)
