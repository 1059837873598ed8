"""`trunkline db`: from the SQLite file to a PostgreSQL server; a new key file."""

from typing import Annotated

import typer

from trunkline.cli.installation import Installation, installation
from trunkline.cli.output import examples, say
from trunkline.errors import ConfigError
from trunkline.store.moving import Moved, move
from trunkline.store.store import Store
from trunkline.web.control_client import NoNodeError

app = typer.Typer(add_completion=False, no_args_is_help=True)
_TOLD_EVERY = 100_000


@app.callback()
def db() -> None:
    """Take the database elsewhere, or give it a new key file."""


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
    _check_stopped(here)
    counted = move(here.settings.database_url, url, _tell)
    say(f"{sum(table.rows for table in counted)} rows are there, counted table by table.")
    say(f'\nNow set this in [database] of {here.path}, and start the node:\n\nurl = "{url}"\n')
    say("The key file stays: every node on that database needs the same secret.key.")


@app.command("new-key", epilog=examples("trunkline drain --wait", "trunkline db new-key"))
def new_key(context: typer.Context) -> None:
    """Make a key file in place of one that is lost, and say which secrets have to be given anew.

    Nodes that share the database have the same one: where one of them still has it, copy that instead.
    """
    here = installation(context)
    _check_stopped(here)
    lost = Store.renew_key(here.settings.database_url, here.settings.key_file)
    say(f"{here.settings.key_file} is a new key: keep a copy. What the old one sealed is lost.")
    for carrier in lost.carriers:
        say(f"  trunkline carrier set {carrier} --user US --secret PW")
    for webhook in lost.webhooks:
        say(f"  trunkline webhook rotate-secret {webhook}")


def _check_stopped(here: Installation) -> None:
    try:
        with here.control():
            raise ConfigError("the node is running and writes here; trunkline drain --wait stops it")
    except NoNodeError:
        pass


def _tell(moved: Moved) -> None:
    if moved.rows and (moved.rows % _TOLD_EVERY == 0 or moved.rows == moved.of):
        say(f"{moved.table:<20} {moved.rows:>9} of {moved.of}")
