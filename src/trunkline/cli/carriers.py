"""`trunkline carrier …`: upstream SIP peers."""

from ipaddress import ip_address
from typing import Annotated

import typer

from trunkline.cli.installation import installation
from trunkline.cli.output import Json, Row, print_card, print_rows, say
from trunkline.cli.ping import ping_all
from trunkline.errors import DirectoryError
from trunkline.sip.errors import SipSyntaxError
from trunkline.sip.uri import SipUri
from trunkline.trunk.carrier import Carrier, CarrierCredentials, Gateway, Network, parse_network

app = typer.Typer(no_args_is_help=True, help="Upstream SIP peers.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="The carrier's name.")]


def _card(carrier: Carrier) -> Row:
    return {
        "name": carrier.name,
        "enabled": carrier.enabled,
        "gateways": [str(gateway.uri) for gateway in carrier.gateways],
        "sources": [str(network) for network in carrier.sources],
        "registers": carrier.register,
        "codecs": list(carrier.codecs),
        "inbound_account": carrier.inbound_account,
    }


@app.command("add")
def add(
    context: typer.Context,
    name: Name,
    gateway: Annotated[
        list[str] | None,
        typer.Option(help="Where calls to it go: sip:host[:port][;transport=…]; once for each, in order."),
    ] = None,
    source: Annotated[
        list[str] | None,
        typer.Option(
            help="Address or CIDR range its calls come from; once for each. Default: the gateways' addresses."
        ),
    ] = None,
    user: Annotated[str | None, typer.Option(help="Our user name there, for its challenges.")] = None,
    secret: Annotated[str | None, typer.Option(help="Our password there; kept encrypted.")] = None,
    register: Annotated[bool, typer.Option("--register", help="Register with the first gateway.")] = False,
    inbound_account: Annotated[
        str | None, typer.Option(help="Its calls come with the digest credentials of this account.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Add a carrier. `trunkline route add PREFIX --carrier NAME` sends calls to it."""
    here = installation(context)
    gateways = tuple(
        Gateway(_gateway_uri(text), priority=position) for position, text in enumerate(gateway or [])
    )
    if (user is None) != (secret is None):
        raise DirectoryError("--user and --secret go together")
    carrier = Carrier(
        name,
        gateways,
        credentials=CarrierCredentials(user, secret) if user is not None and secret is not None else None,
        register=register,
        sources=_sources(source, gateways),
        inbound_account=inbound_account,
    )
    here.store.carriers.add(carrier)
    here.changed()
    print_card(_card(carrier), as_json)
    if not as_json and not carrier.sources and inbound_account is None:
        say("\nCalls from it are not taken yet: name where they come from with --source.")


def _gateway_uri(text: str) -> SipUri:
    try:
        return SipUri.parse(text if text.lower().startswith(("sip:", "sips:")) else f"sip:{text}")
    except SipSyntaxError as error:
        raise DirectoryError(f"gateway {text!r}: {error}") from None


def _sources(given: list[str] | None, gateways: tuple[Gateway, ...]) -> tuple[Network, ...]:
    """What was said, else the gateways that are addresses."""
    if given:
        return tuple(parse_network(text) for text in given)
    hosts = dict.fromkeys(gateway.uri.host for gateway in gateways)
    return tuple(parse_network(host) for host in hosts if _is_address(host))


def _is_address(host: str) -> bool:
    try:
        return bool(ip_address(host))
    except ValueError:
        return False


@app.command("list")
def list_(context: typer.Context, as_json: Json = False) -> None:
    """All carriers."""
    rows = (_card(carrier) for carrier in installation(context).store.carriers.list())
    print_rows(rows, as_json, "No carriers yet: trunkline carrier add NAME --gateway sip:HOST")


@app.command("show")
def show(context: typer.Context, name: Name, as_json: Json = False) -> None:
    """One carrier."""
    print_card(_card(installation(context).store.carriers.get(name)), as_json)


@app.command("test")
def probe(context: typer.Context, name: Name, as_json: Json = False) -> None:
    """Send OPTIONS to each of the carrier's gateways and say what came back. Exit status 1 unless all
    answer.
    """
    here = installation(context)
    carrier = here.store.carriers.get(name)
    if not carrier.gateways:
        raise DirectoryError(f"carrier {name!r} has no gateway")
    results = ping_all(here, [gateway.uri for gateway in carrier.gateways])
    print_rows([result.row() for result in results], as_json, "")
    if not all(result.answered for result in results):
        raise typer.Exit(1)
