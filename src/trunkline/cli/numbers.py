"""`trunkline number …`: E.164 numbers and where their calls are forwarded to."""

from typing import Annotated

import typer

from trunkline.cli import stock
from trunkline.cli.explain import explain_number
from trunkline.cli.installation import Installation, installation
from trunkline.cli.output import NONE, Json, Row, examples, listed, print_card, print_rows, say
from trunkline.store.numbers import NumberChanges
from trunkline.trunk.e164 import normalise
from trunkline.trunk.forwarding import ForwardingList
from trunkline.trunk.gateway_addresses import places_of, warned
from trunkline.trunk.number import Number

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Numbers, and where their calls go.")
app.add_typer(stock.app, name="stock")

E164 = Annotated[str, typer.Argument(metavar="NUMBER", help="In E.164, with or without +.")]


def _card(number: Number) -> Row:
    return {
        "e164": number.e164,
        "account": number.account,
        "forwarding": [endpoint.text for endpoint in number.forwarding.endpoints],
        "ring_timeout_s": number.ring_timeout_s,
    }


@app.command(
    "add",
    epilog=examples(
        "trunkline number add +442079460123 --account trunk1",
        "trunkline number add +442079460123 --account trunk1 --forward '100@pbx1, 100@192.0.2.20'",
    ),
)
def add(
    context: typer.Context,
    number: E164,
    account: Annotated[str, typer.Option(metavar="KEY", help="The account that it belongs to.")],
    forward: Annotated[str, typer.Option(help="SIP URIs in order, with commas between.")] = "",
    as_json: Json = False,
) -> None:
    """Add a number to an account."""
    here = installation(context)
    added = Number(normalise(number), account, _warned(here, account, ForwardingList.parse(forward)))
    here.store.numbers.add(added)
    here.changed()
    _tell(added.forwarding, as_json)
    print_card(_card(added), as_json)
    if not as_json and not added.forwarding:
        say(f"\nNext: trunkline number forward {added.e164} URI…")


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


@app.command("show")
def show(context: typer.Context, number: E164, as_json: Json = False) -> None:
    """One number."""
    print_card(_card(installation(context).store.numbers.get(normalise(number))), as_json)


@app.command(
    "forward",
    epilog=examples(
        "trunkline number forward 442079460123 100@pbx1.example.com 100@pbx2.example.com",
        "trunkline number forward 442079460123 '100@pbx1.example.com;timeout=2000, sips:100@pbx2'",
        "trunkline number forward 442079460123 trunk1@sip.example.net (its registered devices)",
        "trunkline number forward 442079460123 none",
    ),
)
def forward(
    context: typer.Context,
    number: E164,
    uris: Annotated[
        list[str],
        typer.Argument(
            metavar="URI…",
            help="SIP URIs, tried in order; commas or spaces between. user@host, sip: and sips:, each with "
            f";transport=tcp, ;timeout=2000…20000 (ms), ;media=srtp. '{NONE}' forwards nowhere.",
        ),
    ],
    as_json: Json = False,
) -> None:
    """Forward a number to SIP."""
    here = installation(context)
    e164, typed = normalise(number), ForwardingList.parse("" if uris == [NONE] else ", ".join(listed(uris)))
    forwarding = _warned(here, here.store.numbers.get(e164).account, typed)
    changed = here.store.numbers.forward(e164, forwarding)
    here.changed()
    _tell(forwarding, as_json)
    print_card(_card(changed), as_json)


def _warned(here: Installation, account: str, forwarding: ForwardingList) -> ForwardingList:
    """With warnings for entries that will be passed over."""
    forwarding = forwarding.warned_of_keys(account, here.settings.service.domain)
    if here.settings.forwarding.to_gateways or not forwarding:
        return forwarding
    return warned(forwarding, places_of(here.store.carriers.gateway_uris()))


def _tell(forwarding: ForwardingList, as_json: bool) -> None:
    if not as_json:
        for warning in forwarding.warnings:
            say(f"warning: {warning}")


@app.command(
    "set",
    epilog=examples(
        "trunkline number set 442079460123 --ring-timeout 30",
        "trunkline number set 442079460123 --account trunk2",
    ),
)
def set_(
    context: typer.Context,
    number: E164,
    account: Annotated[str | None, typer.Option(metavar="KEY", help="Give it to this account.")] = None,
    ring_timeout: Annotated[
        str | None,
        typer.Option(
            metavar="SECONDS",
            help=f"How long an endpoint may ring, 1 to 600; '{NONE}': as forwarding.ring_timeout_s says.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Change whose a number is, or how long it rings; what is left out stays."""
    changes: NumberChanges = {}
    if account is not None:
        changes["account"] = account
    if ring_timeout is not None:
        changes["ring_timeout_s"] = seconds(ring_timeout)
    here = installation(context)
    changed = here.store.numbers.update(normalise(number), **changes)
    here.changed()
    print_card(_card(changed), as_json)


def seconds(text: str) -> float | None:
    """A number of seconds, or None for `none`."""
    if text == NONE:
        return None
    try:
        return float(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is neither a number of seconds nor '{NONE}'") from None


@app.command("remove")
def remove(context: typer.Context, number: E164) -> None:
    """Remove a number: calls to it are then answered 404."""
    here = installation(context)
    e164 = normalise(number)
    here.store.numbers.remove(e164)
    here.changed()
    say(f"Number {e164} is removed.")


@app.command("explain", epilog=examples("trunkline number explain +442079460123 --caller +493012345678"))
def explain(
    context: typer.Context,
    number: E164,
    caller: Annotated[str | None, typer.Option(help="The caller's number.")] = None,
    as_json: Json = False,
) -> None:
    """Say what would happen to a call to this number now, without placing one."""
    explain_number(installation(context), number, caller, as_json)
