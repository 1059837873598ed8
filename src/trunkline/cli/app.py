"""All commands under one name. Each group lives in its own module; this one only hangs them up."""

from pathlib import Path
from typing import Annotated

import typer

from trunkline import __version__
from trunkline.cli import (
    accounts,
    bans,
    calls,
    carriers,
    demo,
    dial,
    dns,
    doctor,
    explain,
    init,
    numbers,
    ping,
    registrations,
    routes,
    serve,
)
from trunkline.cli.installation import Installation

app = typer.Typer(
    name="trunkline",
    help="A SIP trunking service that you run on your own machines.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"trunkline {__version__}")
        raise typer.Exit


@app.callback()
def common(
    context: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            "-c",
            envvar="TRUNKLINE_CONFIG",
            help="The settings file. Default: trunkline.toml here, else /etc/trunkline/trunkline.toml.",
        ),
    ] = None,
    version: Annotated[  # noqa: ARG001 - typer calls `_version` with it
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """A SIP trunking service that you run on your own machines."""
    context.obj = Installation(config)


app.command("init")(init.init)
app.command("serve")(serve.serve)
app.command("demo")(demo.demo)
app.add_typer(accounts.app, name="account")
app.add_typer(numbers.app, name="number")
app.add_typer(carriers.app, name="carrier")
app.add_typer(routes.app, name="route")
app.add_typer(registrations.app, name="registration")
app.command("calls")(calls.calls)
app.add_typer(bans.app, name="ban")
app.command("ping")(ping.ping)
app.command("dial")(dial.dial)
app.command("explain")(explain.explain)
app.command("dns")(dns.dns)
app.command("doctor")(doctor.doctor)
