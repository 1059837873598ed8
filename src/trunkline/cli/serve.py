"""`trunkline serve`."""

import typer

from trunkline.cli.installation import installation
from trunkline.node import run


def serve(context: typer.Context) -> None:
    """Run a node until it is told to stop.

    SIGTERM drains (a second one ends at once), SIGINT ends at once with BYEs, SIGHUP rereads the settings.
    """
    run(installation(context).path)
