"""`trunkline number …`: E.164 numbers and where their calls are forwarded to."""

from typing import Annotated

import typer

from trunkline.cli.explain import explain_number
from trunkline.cli.installation import installation
from trunkline.cli.output import Json, Row, print_card, print_rows, say
from trunkline.trunk.e164 import normalise
from trunkline.trunk.forwarding import ForwardingList
from trunkline.trunk.number import Number

app = typer.Typer(no_args_is_help=True, help="Numbers, and where their calls go.")

E164 = Annotated[str, typer.Argument(metavar="NUMBER", help="In E.164, with or without +.")]


def _card(number: Number) -> Row:
    return {
        "number": number.e164,
        "account": number.account,
        "forwarding": [endpoint.text for endpoint in number.forwarding.endpoints],
        "ring_timeout_s": number.ring_timeout_s,
    }


@app.command("add")
def add(
    context: typer.Context,
    number: E164,
    account: Annotated[str, typer.Option(help="Key of the account it belongs to.")],
    forward: Annotated[str, typer.Option(help="SIP URIs in order, with commas between.")] = "",
    as_json: Json = False,
) -> None:
    """Add a number to an account."""
    here = installation(context)
    added = Number(normalise(number), account, ForwardingList.parse(forward))
    here.store.numbers.add(added)
    here.changed()
    _warn(added.forwarding, as_json)
    print_card(_card(added), as_json)


@app.command("list")
def list_(
    context: typer.Context,
    account: Annotated[
        str | None, typer.Argument(metavar="[KEY]", help="Only those of this account.")
    ] = None,
    as_json: Json = False,
) -> None:
    """All numbers."""
    rows = (_card(number) for number in installation(context).store.numbers.list(account))
    print_rows(rows, as_json, "No numbers yet: trunkline number add NUMBER --account KEY")


@app.command("forward")
def forward(
    context: typer.Context,
    number: E164,
    uris: Annotated[
        list[str],
        typer.Argument(
            metavar="URI…",
            help="SIP URIs, tried in order; commas or spaces between. user@host, sip: and sips:, each with "
            ";transport=tcp, ;timeout=2000…20000 (ms). 'none' forwards nowhere.",
        ),
    ],
    as_json: Json = False,
) -> None:
    """Forward a number to SIP."""
    here = installation(context)
    text = "" if uris == ["none"] else ", ".join(uri.strip().rstrip(",") for uri in uris)
    forwarding = ForwardingList.parse(text)
    changed = here.store.numbers.forward(normalise(number), forwarding)
    here.changed()
    _warn(forwarding, as_json)
    print_card(_card(changed), as_json)


def _warn(forwarding: ForwardingList, as_json: bool) -> None:
    if not as_json:
        for warning in forwarding.warnings:
            say(f"warning: {warning}")


@app.command("explain")
def explain(
    context: typer.Context,
    number: E164,
    caller: Annotated[str | None, typer.Option(help="The caller's number.")] = None,
    as_json: Json = False,
) -> None:
    """Say what would happen to a call to this number now, without placing one."""
    explain_number(installation(context), number, caller, as_json)
