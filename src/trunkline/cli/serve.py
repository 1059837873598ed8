"""`trunkline serve`."""

import signal

import typer

from trunkline.cli.installation import installation
from trunkline.cli.output import examples

app = typer.Typer(add_completion=False)


@app.command(epilog=examples("trunkline serve", "trunkline -c /etc/trunkline/trunkline.toml serve"))
def serve(context: typer.Context) -> None:
    """Run a node until it is told to stop.

    SIGTERM drains (a second one ends at once), SIGINT ends at once with BYEs, SIGHUP rereads the settings.
    """
    path = installation(context).path
    # Until the node handles it SIGHUP would end this process: it waits, while the rest is imported too.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    try:
        from trunkline.node.run import run

        run(path)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
