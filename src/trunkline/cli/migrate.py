"""`trunkline migrate`: the database's schema after an upgrade of the program."""

import typer

from trunkline.cli.installation import installation
from trunkline.cli.output import examples, say
from trunkline.store.migrate import upgrade

app = typer.Typer(add_completion=False)


@app.command(epilog=examples("trunkline drain --wait", "trunkline migrate", "trunkline serve"))
def migrate(context: typer.Context) -> None:
    """Bring the database up to this program, after an upgrade. Stop the node before, and keep a copy.

    Harmless when there is nothing to do.
    """
    state = upgrade(installation(context).settings.database_url)
    say(f"The database has schema {state.present}: what this program needs.")
