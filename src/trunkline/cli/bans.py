"""`trunkline ban …`: sources that are turned away at the door."""

from typing import Annotated

import typer

from trunkline.cli.installation import installation
from trunkline.cli.output import Json, examples, moment, print_rows, say
from trunkline.errors import DirectoryError

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Sources that are turned away.")


@app.command("list")
def list_(context: typer.Context, as_json: Json = False) -> None:
    """Every source that is banned now, why, and until when."""
    with installation(context).control() as node:
        rows = [
            {"source": ban.source, "reason": ban.reason, "ends_at": moment(ban.ends_at)}
            for ban in node.bans()
        ]
    print_rows(rows, as_json, "Nobody is banned.")


@app.command("lift", epilog=examples("trunkline ban lift 203.0.113.7"))
def lift(
    context: typer.Context,
    source: Annotated[str, typer.Argument(help="As `trunkline ban list` shows it.")],
) -> None:
    """Let a source in again."""
    with installation(context).control() as node:
        if not node.lift_ban(source):
            raise DirectoryError(f"{source} is not banned; trunkline ban list shows who is")
    say(f"{source} is let in again.")
