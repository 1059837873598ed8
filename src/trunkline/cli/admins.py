"""`trunkline admin …`: who may sign in to the dashboard."""

import secrets
from typing import Annotated

import typer

from trunkline.cli.installation import installation
from trunkline.cli.output import Json, examples, print_card, print_rows

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="Administrators of the dashboard, and their passwords."
)


@app.command("list")
def list_(context: typer.Context, as_json: Json = False) -> None:
    """All administrators."""
    rows = ({"name": name} for name in installation(context).store.admins.list())
    print_rows(rows, as_json, "No administrator yet: trunkline admin password NAME makes one.")


@app.command("password", epilog=examples("trunkline admin password admin"))
def password(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="An administrator, old or new.")],
    password: Annotated[
        str | None, typer.Option(envvar="TRUNKLINE_PASSWORD", help="Default: a random one.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Give an administrator a new password, shown once, here. Makes the administrator if need be."""
    made = password or secrets.token_urlsafe(12)
    installation(context).store.admins.set_password(name, made)
    print_card({"name": name, "password": made}, as_json)
