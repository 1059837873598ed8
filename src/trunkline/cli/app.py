"""All commands under one name. Each lives in a module of its own, which is imported only when it runs.

What `--help` shows of a command stands here, so that `trunkline --help` and `--version` load nothing heavy:
no database, no web framework, no media engine. The modules each have an `app`.
"""

from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer
from typer.core import TyperGroup
from typer.main import get_command

from trunkline import __version__
from trunkline.cli.installation import Installation


class Entry(NamedTuple):
    """A command: its module below `trunkline.cli`, its heading in `--help`, and its first sentence there."""

    module: str
    panel: str
    summary: str


SETTING_UP, DIRECTORY, LOOKING, TRYING = "Setting up and running", "Directory", "Looking", "Trying"

COMMANDS = {
    "init": Entry(
        "init", SETTING_UP, "Make a new installation: settings, database, certificate, first operator."
    ),
    "serve": Entry("serve", SETTING_UP, "Run a node until it is told to stop."),
    "systemd": Entry("systemd", SETTING_UP, "Print the systemd unit of this installation."),
    "web": Entry("web", SETTING_UP, "Serve the dashboard and the API alone."),
    "doctor": Entry("doctor", SETTING_UP, "Look for what is wrong, and say what to do about it."),
    "dns": Entry("dns", SETTING_UP, "Print the DNS records that lead clients to the edges."),
    "user": Entry("users", SETTING_UP, "People who sign in with a password."),
    "token": Entry("tokens", SETTING_UP, "Tokens of programs that use the API."),
    "db": Entry("db", SETTING_UP, "Take the database elsewhere, or give it a new key file."),
    "migrate": Entry("migrate", SETTING_UP, "Bring the database up to this program, after an upgrade."),
    "status": Entry("node_status", SETTING_UP, "Say how the running node is doing."),
    "drain": Entry("drain", SETTING_UP, "Take no new calls, and stop after the last one."),
    "node": Entry("nodes", SETTING_UP, "The nodes on this database."),
    "kamailio": Entry("kamailio", SETTING_UP, "Write the configuration of a Kamailio in front of the nodes."),
    "pbx": Entry("pbx", SETTING_UP, "Write the configuration of a customer's PBX, filled in."),
    "account": Entry("accounts", DIRECTORY, "Customers: keys, secrets, limits."),
    "number": Entry("numbers", DIRECTORY, "Numbers, and where their calls go."),
    "carrier": Entry("carriers", DIRECTORY, "Upstream SIP peers."),
    "route": Entry("routes", DIRECTORY, "Which carrier takes which numbers."),
    "webhook": Entry("webhooks", DIRECTORY, "Programs that are told what happens, by HTTP."),
    "calls": Entry("calls", LOOKING, "List calls, follow them, or show one with its SIP ladder."),
    "registration": Entry("registrations", LOOKING, "Devices that are registered now."),
    "ban": Entry("bans", LOOKING, "Sources that are turned away."),
    "alarm": Entry("alarms", LOOKING, "Calls that looked like fraud."),
    "audit": Entry("audit", LOOKING, "Show who changed what, and what it was before and after."),
    "codecs": Entry("codecs", LOOKING, "Say which codecs this build speaks, and what each costs."),
    "explain": Entry("explain", LOOKING, "Say what would happen to a call, or what an error id means."),
    "ping": Entry("ping", TRYING, "Send OPTIONS and say what came back."),
    "dial": Entry("dial", TRYING, "Place a test call, and say what was heard."),
    "demo": Entry("demo", TRYING, "Try everything on this machine, with a simulated carrier."),
}


def load(name: str) -> Any:
    """Import the module of the command `name`, and return the command."""
    command = get_command(import_module(f"trunkline.cli.{COMMANDS[name].module}").app)
    command.name = name
    return command


class _Lazy(TyperGroup):
    """Lists what `COMMANDS` says; the real command is loaded when it is called."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, listed, rest = super().resolve_command(ctx, args)
        return name, listed if name is None else load(name), rest


app = typer.Typer(
    name="trunkline",
    cls=_Lazy,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="To begin: trunkline init DIR, or trunkline demo. Each command explains itself with --help.",
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
            metavar="FILE",
            readable=False,  # who may not read it is told more by `Settings.load`
            help="The settings file. Default: trunkline.toml here, else /etc/trunkline/trunkline.toml.",
        ),
    ] = None,
    version: Annotated[  # noqa: ARG001 - typer calls `_version` with it
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """A SIP trunking service that you run on your own machines."""
    context.obj = Installation(config)
    context.call_on_close(context.obj.close)


def _listed() -> None:
    """Stands for a command in the list; never called (`_Lazy`)."""


for _name, _entry in COMMANDS.items():
    app.command(_name, help=_entry.summary, rich_help_panel=_entry.panel)(_listed)
