"""`trunkline systemd`: the unit that runs this installation under systemd, locked in as far as it goes."""

import pwd
import sys
from pathlib import Path
from typing import Annotated

import typer

from trunkline.cli.installation import installation
from trunkline.cli.output import examples
from trunkline.config import Settings
from trunkline.errors import ConfigError
from trunkline.net.binding import PRIVILEGED_PORTS

app = typer.Typer(add_completion=False)

SLACK_S = 100
"""systemd waits so much longer than `drain.timeout_s` before it kills."""
PAUSE_S = 5
"""Before another try at a start. After five within 10 s, as without a pause, systemd gives up for good
(systemd.unit(5), StartLimitBurst); an address or a database that comes late after a boot is waited for.
"""
_UNIT = """\
[Unit]
Description=Trunkline SIP trunking
After=network-online.target
Wants=network-online.target

[Service]
Type=notify
User={user}
ExecStart={program} --config {settings} serve
ExecReload=/bin/kill -HUP $MAINPID
# SIGTERM drains: calls that are up may end by themselves.
TimeoutStopSec={patience_s}
KillMode=mixed
Restart=on-failure
RestartSec={pause_s}
LimitNOFILE=65536

# It reads the system, writes into its own directory, speaks IP and its control socket; it needs nothing else.
UMask=0077
ReadWritePaths={writable}
{runtime}CapabilityBoundingSet={capabilities}
AmbientCapabilities={capabilities}
LockPersonality=yes
NoNewPrivileges=yes
PrivateDevices=yes
PrivateTmp=yes
ProcSubset=pid
ProtectClock=yes
ProtectControlGroups=yes
ProtectHome={protect_home}
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
ProtectSystem=strict
RemoveIPC=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallFilter=setpriority

[Install]
WantedBy=multi-user.target
"""


@app.command(
    epilog=examples(
        "trunkline -c /var/lib/trunkline/trunkline.toml systemd > /etc/systemd/system/trunkline.service",
        "systemctl daemon-reload && systemctl enable --now trunkline",
    )
)
def systemd(
    context: typer.Context,
    user: Annotated[
        str | None, typer.Option(help="Runs as this user. Default: who owns the settings file; never root.")
    ] = None,
) -> None:
    """Print the systemd unit of this installation.

    It runs unprivileged and sandboxed; only ports below 1024 give it a capability, and that one alone.
    """
    here = installation(context)
    path = here.path.resolve()
    typer.echo(unit(here.settings, path, user or owner(path)), nl=False)


def unit(settings: Settings, path: Path, user: str) -> str:
    """The text of the unit. Raises `ConfigError` for root and for paths that a unit can't hold."""
    if user == "root":
        raise ConfigError(
            "the service should not run as root: make a user (useradd --system trunkline), give it the "
            "installation (chown -R trunkline DIR), or name one with --user"
        )
    program = Path(sys.argv[0]).resolve()
    data_dir = settings.node.data_dir.resolve()
    socket_dir = settings.control_socket.parent.resolve()
    at_run = Path("/run") in socket_dir.parents
    database = settings.database_url.removeprefix("sqlite:///")
    elsewhere = [] if at_run else [socket_dir]
    if database != settings.database_url:
        elsewhere.append(Path(database).parent.resolve())
    writable = [data_dir, *dict.fromkeys(item for item in elsewhere if not item.is_relative_to(data_dir))]
    for item in (path, program, *writable, socket_dir):
        if any(character in str(item) for character in " \t\n%\\\"'"):
            raise ConfigError(f"{str(item)!r} can't stand in a unit: it has spaces, quotes, % or \\ in it")
    bound = [*settings.sip.udp, *settings.sip.tcp, *settings.sip.tls, settings.http.bind]
    if settings.web.enabled:
        bound.append(settings.web.bind)
    privileged = any(0 < address.port < PRIVILEGED_PORTS for address in bound)
    at_home = any(item.parts[1:2] in (("home",), ("root",)) for item in (path, program, data_dir))
    return _UNIT.format(
        user=user,
        program=program,
        settings=path,
        patience_s=round(settings.drain.timeout_s) + SLACK_S,
        pause_s=PAUSE_S,
        writable=" ".join(map(str, writable)),
        runtime=f"RuntimeDirectory={socket_dir.relative_to('/run')}\n" if at_run else "",
        capabilities="CAP_NET_BIND_SERVICE" if privileged else "",
        protect_home="read-only" if at_home else "yes",
    )


def owner(path: Path) -> str:
    """Name of the user who owns `path`, or its number."""
    number = path.stat().st_uid
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)
