"""`trunkline number stock …`: numbers that accounts can buy."""

from typing import Annotated

import typer

from trunkline.cli.installation import installation
from trunkline.cli.output import Json, Row, examples, listed, print_rows, say
from trunkline.errors import StoreError
from trunkline.store.credit import cents_of, money
from trunkline.store.stock import Feature, NumberKind, StockFilter, StockNumber
from trunkline.trunk.country import country_of
from trunkline.trunk.e164 import normalise

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Numbers that accounts can buy.")


def _row(number: StockNumber) -> Row:
    return {
        "e164": number.e164,
        "country": number.country,
        "kind": number.kind.value,
        "features": list(number.features),
        "price": money(number.price_cents),
    }


@app.command(
    "add",
    epilog=examples(
        "trunkline number stock add +442079460123 +442079460124 --price 1.50",
        "trunkline number stock add +447700900123 --type mobile-lvn --feature VOICE,SMS --price 0.90",
    ),
)
def add(
    context: typer.Context,
    numbers: Annotated[list[str], typer.Argument(metavar="NUMBER…", help="In E.164, with or without +.")],
    price: Annotated[str, typer.Option(metavar="AMOUNT", help="What buying one costs, once.")] = "0",
    country: Annotated[
        str | None, typer.Option(metavar="CC", help="Two letters. Default: what the digits say.")
    ] = None,
    kind: Annotated[
        NumberKind, typer.Option("--type", help="What Nexmo's clients search for.")
    ] = NumberKind.LANDLINE,
    feature: Annotated[
        list[str] | None,
        typer.Option(help=f"What the numbers can do: {', '.join(Feature)}. Default: VOICE."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Offer numbers that no account has yet. An account buys them with its credit, over the API."""
    features = tuple(_feature(word) for word in listed(feature or [])) or (Feature.VOICE,)
    cents = cents_of(price)
    added = [
        StockNumber(e164, country.upper() if country else _country(e164), kind, features, cents)
        for e164 in map(normalise, numbers)
    ]
    installation(context).store.stock.add(added)
    print_rows(map(_row, added), as_json, "")


@app.command("list")
def list_(
    context: typer.Context,
    country: Annotated[str | None, typer.Option(metavar="CC", help="Only those of this country.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many at most.")] = 100,
    as_json: Json = False,
) -> None:
    """Numbers for sale."""
    wanted = StockFilter(country=country.upper() if country else None)
    page = installation(context).store.stock.list(wanted, limit=limit)
    print_rows(map(_row, page.numbers), as_json, "Nothing for sale: trunkline number stock add NUMBER")
    if not as_json and page.total > len(page.numbers):
        say(f"\n{len(page.numbers)} of {page.total}; --limit shows more.")


@app.command("remove")
def remove(
    context: typer.Context, number: Annotated[str, typer.Argument(metavar="NUMBER", help="In E.164.")]
) -> None:
    """Sell a number no more. One that an account has stays: trunkline number remove takes it back first."""
    e164 = normalise(number)
    installation(context).store.stock.remove(e164)
    say(f"Number {e164} is not for sale any more.")


def _feature(word: str) -> Feature:
    try:
        return Feature(word.upper())
    except ValueError:
        raise typer.BadParameter(f"{word!r} is none of {', '.join(Feature)}") from None


def _country(e164: str) -> str:
    country = country_of(e164)
    if country is None:
        raise StoreError(f"the digits of {e164} don't say its country; say it with --country")
    return country
