"""`trunkline db`: from the SQLite file to a PostgreSQL server."""

from typing import Annotated

import typer

from trunkline.cli.installation import installation
from trunkline.cli.output import examples, say
from trunkline.errors import ConfigError
from trunkline.store.moving import Moved, move
from trunkline.web.control_client import NoNodeError

app = typer.Typer(add_completion=False, no_args_is_help=True)
_TOLD_EVERY = 100_000


@app.callback()
def db() -> None:
    """Take the database elsewhere."""


@app.command(
    "move",
    epilog=examples(
        "trunkline drain --wait",
        "trunkline db move postgresql+psycopg://trunkline:PASSWORD@db.example.com/trunkline",
    ),
)
def move_(
    context: typer.Context,
    url: Annotated[str, typer.Argument(metavar="URL", help="An empty PostgreSQL database.")],
) -> None:
    """Copy everything from the SQLite database into an empty PostgreSQL database, and count it there.

    Stop the node before. All or nothing: what breaks off can be begun again. The SQLite file stays as it is.
    """
    here = installation(context)
    try:
        with here.control():
            raise ConfigError("the node is running and writes here; trunkline drain --wait stops it")
    except NoNodeError:
        pass
    counted = move(here.settings.database_url, url, _tell)
    say(f"{sum(table.rows for table in counted)} rows are there, counted table by table.")
    say(f'\nNow set this in {here.path}, and start the node:\n\n[database]\nurl = "{url}"\n')
    say("The key file stays: every node on that database needs the same secret.key.")


def _tell(moved: Moved) -> None:
    if moved.rows and (moved.rows % _TOLD_EVERY == 0 or moved.rows == moved.of):
        say(f"{moved.table:<20} {moved.rows:>9} of {moved.of}")
