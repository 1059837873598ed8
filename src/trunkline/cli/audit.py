"""`trunkline audit`: who changed what."""

from typing import Annotated

import typer

from trunkline.cli.installation import installation
from trunkline.cli.output import Json, Row, examples, moment, print_rows
from trunkline.store.audit import AuditEntry

app = typer.Typer(add_completion=False)


@app.command(epilog=examples("trunkline audit", "trunkline audit --account trunk1 --json"))
def audit(
    context: typer.Context,
    account: Annotated[
        str | None, typer.Option(metavar="KEY", help="Only what concerns this account.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many, newest first.")] = 50,
    as_json: Json = False,
) -> None:
    """Show who changed what, and what it was before and after."""
    entries = installation(context).store.audit.list(account=account, limit=limit)
    print_rows([_row(entry) for entry in entries], as_json, "Nothing was changed yet.")


def _row(entry: AuditEntry) -> Row:
    return {
        "made_at": moment(entry.made_at),
        "author": entry.author,
        "via": entry.via,
        "action": entry.action,
        "kind": entry.kind,
        "key": entry.key,
        "before": None if entry.before is None else dict(entry.before),
        "after": None if entry.after is None else dict(entry.after),
    }
