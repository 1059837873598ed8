"""`trunkline web`: the dashboard and the APIs alone."""

from typing import Annotated

import typer

from trunkline.cli.hangups import hangups_wait
from trunkline.cli.installation import installation
from trunkline.cli.output import examples

app = typer.Typer(add_completion=False)


@app.command(epilog=examples("trunkline web", "trunkline -c /etc/trunkline/trunkline.toml web"))
def web(
    context: typer.Context,
    listener: Annotated[
        int | None, typer.Option(hidden=True, help="A listening socket, from the node.")
    ] = None,
) -> None:
    """Serve the dashboard and the API alone.

    At web.bind, until told to stop; SIGHUP rereads the settings. `trunkline serve` does this by itself unless
    web.enabled is false. What needs the node says so while none runs.
    """
    here = installation(context)
    with hangups_wait():
        # As in `serve`.
        from trunkline.node.wiring import log_options
        from trunkline.observe.log import open_log
        from trunkline.web.process import run

        run(here.settings, open_log(log_options(here.settings)), listener, here.path)
