"""`trunkline route …`: which carrier takes which numbers."""

from typing import Annotated

import typer

from trunkline.cli.installation import installation
from trunkline.cli.output import Json, Row, print_card, print_rows, say
from trunkline.errors import DirectoryError
from trunkline.trunk.directory import Directory, Snapshot
from trunkline.trunk.e164 import normalise
from trunkline.trunk.routes import Route, RouteCarrier

app = typer.Typer(no_args_is_help=True, help="Which carrier takes which numbers.")

Prefix = Annotated[
    str, typer.Argument(metavar="PREFIX", help="E.164 digits, with or without +; 'all' for every number.")
]


def _row(route: Route) -> Row:
    return {
        "prefix": route.prefix or "all",
        "carriers": [
            f"{item.carrier} (priority {item.priority}, weight {item.weight})" for item in route.carriers
        ],
    }


def _digits(prefix: str) -> str:
    return "" if prefix == "all" else prefix.removeprefix("+")


@app.command("add")
def add(
    context: typer.Context,
    prefix: Prefix,
    carrier: Annotated[
        list[str],
        typer.Option(
            help="NAME, or NAME:PRIORITY:WEIGHT; once for each. Lower priorities first, equals by weight. "
            "Default: in the order given."
        ),
    ],
    as_json: Json = False,
) -> None:
    """Send numbers that begin with PREFIX to carriers. The longest matching prefix decides."""
    here = installation(context)
    route = Route(_digits(prefix), tuple(_carrier(text, place) for place, text in enumerate(carrier)))
    here.store.routes.add(route)
    here.changed()
    print_card(_row(route), as_json)


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


@app.command("test")
def find(
    context: typer.Context,
    number: Annotated[str, typer.Argument(help="The number, in E.164.")],
    as_json: Json = False,
) -> None:
    """Say which route a number takes. Exit status 1 when there is none."""
    store = installation(context).store
    directory = Directory(Snapshot(routes=tuple(store.routes.list())))
    digits = normalise(number)
    route = directory.route_for(digits)
    if route is None:
        if as_json:
            print_card({"number": digits, "prefix": None, "carriers": []}, as_json)
        else:
            say(f"No route has a prefix of {digits}: trunkline route add PREFIX --carrier NAME")
        raise typer.Exit(1)
    print_card({"number": digits, **_row(route)}, as_json)
