"""`trunkline alarm …`: calls that looked like fraud."""

from typing import Annotated

import typer

from trunkline.cli.installation import installation
from trunkline.cli.output import Json, examples, moment, print_rows

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Calls that looked like fraud.")


@app.callback()
def alarms() -> None:
    """Calls that looked like fraud."""


@app.command("list", epilog=examples("trunkline alarm list", "trunkline alarm list --account trunk1"))
def list_(
    context: typer.Context,
    account: Annotated[str | None, typer.Option(metavar="KEY", help="Only about this account.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many, newest first.")] = 50,
    as_json: Json = False,
) -> None:
    """Every alarm: a first call to a country, or far more calls than the account's busiest hour had."""
    rows = [
        {
            "raised_at": moment(alarm.raised_at),
            "account": alarm.account,
            "kind": alarm.kind.value,
            "called": alarm.called,
            "detail": alarm.detail,
            "blocked": alarm.blocked,
        }
        for alarm in installation(context).store.alarms.list(account=account, limit=limit)
    ]
    print_rows(rows, as_json, "No alarm was raised.")
