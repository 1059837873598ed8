"""`trunkline drain`: end a node without ending calls."""

import time
from contextlib import suppress
from typing import Annotated

import typer

from trunkline.cli.installation import installation
from trunkline.cli.output import examples, progress, say
from trunkline.web.control_client import NoNodeError

app = typer.Typer(add_completion=False)
LOOK_S = 0.5


@app.command(epilog=examples("trunkline drain", "trunkline drain --within 600 --wait"))
def drain(
    context: typer.Context,
    within: Annotated[
        float | None,
        typer.Option(
            min=0, help="End calls that are still up after so many seconds. Default: drain.timeout_s."
        ),
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Return only once the node has stopped.")] = False,
) -> None:
    """Take no new calls, and stop after the last one.

    New calls are answered 503, so that customers try another edge. SIGTERM does the same; a second SIGTERM,
    or SIGINT, ends at once, with BYEs.
    """
    here = installation(context)
    with here.control() as node:
        calls = node.drain(within).calls
    say(f"The node takes no new calls; {calls} are up.")
    if not wait:
        return
    with progress("waiting for the calls to end"), suppress(NoNodeError):
        while True:
            with here.control():
                time.sleep(LOOK_S)
    say("The node has stopped.")
