"""`trunkline serve`."""

import typer

from trunkline.cli.installation import installation
from trunkline.cli.output import examples
from trunkline.node.run import run

app = typer.Typer(add_completion=False)


@app.command(epilog=examples("trunkline serve", "trunkline -c /etc/trunkline/trunkline.toml serve"))
def serve(context: typer.Context) -> None:
    """Run a node until it is told to stop.

    SIGTERM drains (a second one ends at once), SIGINT ends at once with BYEs, SIGHUP rereads the settings.
    """
    run(installation(context).path)
