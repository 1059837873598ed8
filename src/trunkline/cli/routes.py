"""`trunkline route …`: which carrier takes which numbers."""

from typing import Annotated

import typer

from trunkline.cli.installation import installation
from trunkline.cli.output import Json, Row, examples, listed, print_card, print_rows, say
from trunkline.errors import DirectoryError
from trunkline.trunk.e164 import normalise
from trunkline.trunk.routes import ALL, Route, RouteCarrier

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Which carrier takes which numbers.")

Prefix = Annotated[
    str,
    typer.Argument(metavar="PREFIX", help=f"E.164 digits, with or without +; '{ALL}' for every number."),
]
_CARRIER = typer.Option(
    "--carrier",
    metavar="NAME[:PRIORITY:WEIGHT]",
    help="Once for each carrier, or with commas. Lower priorities first, equals by weight. Default: in the "
    "order given.",
)
Carriers = Annotated[list[str], _CARRIER]
OtherCarriers = Annotated[list[str] | None, _CARRIER]

Price = Annotated[
    float | None,
    typer.Option(
        help="What a minute costs the account, in your currency: for `account limit --cost-per-day`."
    ),
]


def _row(route: Route) -> Row:
    return {
        "prefix": route.prefix or ALL,
        "price_per_minute": route.price_per_minute,
        "carriers": [
            f"{item.carrier} (priority {item.priority}, weight {item.weight})" for item in route.carriers
        ],
    }


def _digits(prefix: str) -> str:
    return "" if prefix == ALL else prefix.removeprefix("+")


@app.command(
    "add",
    epilog=examples(
        "trunkline route add all --carrier upstream",
        "trunkline route add 44 --carrier cheap --carrier good (cheap first, then good)",
        "trunkline route add 49 --carrier a:0:3 --carrier b:0:1 (three of four calls begin with a)",
    ),
)
def add(
    context: typer.Context, prefix: Prefix, carrier: Carriers, price: Price = None, as_json: Json = False
) -> None:
    """Send numbers that begin with PREFIX to carriers. The longest matching prefix decides."""
    here = installation(context)
    route = Route(_digits(prefix), _carriers(carrier), price or 0.0)
    here.store.routes.add(route)
    here.changed()
    print_card(_row(route), as_json)


@app.command(
    "set",
    epilog=examples(
        "trunkline route set 44 --carrier good --carrier cheap",
        "trunkline route set 44 --price 0.012",
    ),
)
def set_(
    context: typer.Context,
    prefix: Prefix,
    carrier: OtherCarriers = None,
    price: Price = None,
    as_json: Json = False,
) -> None:
    """Give a prefix that has a route other carriers, or another price; what is left out stays."""
    if not carrier and price is None:
        raise typer.BadParameter("give --carrier or --price, or both")
    here = installation(context)
    route = here.store.routes.get(_digits(prefix))
    route = Route(
        route.prefix,
        _carriers(carrier) if carrier else route.carriers,
        route.price_per_minute if price is None else price,
    )
    here.store.routes.update(route)
    here.changed()
    print_card(_row(route), as_json)


def _carriers(texts: list[str]) -> tuple[RouteCarrier, ...]:
    return tuple(_carrier(text, place) for place, text in enumerate(listed(texts)))


def _carrier(text: str, place: int) -> RouteCarrier:
    name, _, rest = text.partition(":")
    if not rest:
        return RouteCarrier(name, priority=place)
    priority, _, weight = rest.partition(":")
    if not priority.isdecimal() or not (weight or "1").isdecimal():
        raise DirectoryError(f"--carrier {text!r}: write NAME or NAME:PRIORITY:WEIGHT")
    return RouteCarrier(name, int(priority), int(weight or 1))


@app.command("list")
def list_(context: typer.Context, as_json: Json = False) -> None:
    """All routes."""
    rows = (_row(route) for route in installation(context).store.routes.list())
    print_rows(rows, as_json, "No routes yet: trunkline route add PREFIX --carrier NAME")


@app.command("test", epilog=examples("trunkline route test +442079460123"))
def find(
    context: typer.Context,
    number: Annotated[str, typer.Argument(metavar="NUMBER", help="In E.164, with or without +.")],
    as_json: Json = False,
) -> None:
    """Say which route a number takes. Exit status 1 when there is none."""
    digits = normalise(number)
    route = installation(context).store.routes.find(digits)
    if route is None:
        if as_json:
            print_card({"number": digits, "prefix": None, "carriers": []}, as_json)
        else:
            say(f"No route has a prefix of {digits}: trunkline route add PREFIX --carrier NAME")
        raise typer.Exit(1)
    print_card({"number": digits, **_row(route)}, as_json)


@app.command("remove")
def remove(context: typer.Context, prefix: Prefix) -> None:
    """Remove the route of a prefix: a shorter one then takes its numbers, or else they are answered 404."""
    here = installation(context)
    here.store.routes.remove(_digits(prefix))
    here.changed()
    say(f"Route {prefix} is removed.")
