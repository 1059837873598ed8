"""`trunkline registration …`: who is registered now."""

import typer

from trunkline.cli.installation import installation
from trunkline.cli.output import Json, moment, print_rows

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Devices that are registered now.")


@app.callback()
def _group() -> None:
    """Devices that are registered now."""


@app.command("list")
def list_(context: typer.Context, as_json: Json = False) -> None:
    """Every contact that is registered at the running node."""
    with installation(context).control() as node:
        rows = [
            {
                "account": view.account,
                "contact": view.contact,
                "source": view.source,
                "expires_at": moment(view.expires_at),
            }
            for view in node.registrations()
        ]
    print_rows(rows, as_json, "Nobody is registered.")
