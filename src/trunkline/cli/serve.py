"""`trunkline serve`."""

import typer

from trunkline.cli.hangups import hangups_wait
from trunkline.cli.installation import installation
from trunkline.cli.output import examples

app = typer.Typer(add_completion=False)


@app.command(epilog=examples("trunkline serve", "trunkline -c /etc/trunkline/trunkline.toml serve"))
def serve(context: typer.Context) -> None:
    """Run a node until it is told to stop.

    SIGTERM drains (a second one ends at once), SIGINT ends at once with BYEs, SIGHUP rereads the settings.
    """
    path = installation(context).path
    with hangups_wait():
        # Within, since it imports most of the program, which takes its time.
        from trunkline.node.run import run

        run(path)
