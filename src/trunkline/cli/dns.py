"""`trunkline dns`: the records that lead clients to the edges (RFC 3263 §4)."""

import time
from pathlib import Path
from typing import Annotated

import typer

from trunkline.cli.installation import Installation, installation
from trunkline.cli.output import Json, examples, print_json, print_rows, say, say_aside
from trunkline.cli.zone_keeper import ZoneKeeper
from trunkline.config.edges import advice
from trunkline.config.zone import Server, zone_file, zone_lines, zone_records
from trunkline.errors import ConfigError
from trunkline.web.edge_list import edges_of

app = typer.Typer(add_completion=False)
LOOK_S = 1.0
"""How often the nodes are looked at."""


@app.command(
    epilog=examples(
        "trunkline dns",
        "trunkline dns --format knot --out /etc/knot/sip.example.net.zone",
        'trunkline dns --follow --out sip.zone --hook "knotc zone-reload sip.example.net"',
        "trunkline dns --advice",
    )
)
def dns(
    context: typer.Context,
    server: Annotated[
        Server | None, typer.Option("--format", help="A file for this name server, instead of bare records.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="The file to write; it is replaced as a whole.", dir_okay=False)
    ] = None,
    follow: Annotated[
        bool, typer.Option("--follow", help="Go on, and write whenever an edge comes or goes. Needs --out.")
    ] = False,
    hook: Annotated[
        str | None,
        typer.Option(help="With --follow: the command to run after the file was written, without a shell."),
    ] = None,
    advise: Annotated[
        bool, typer.Option("--advice", help="Instead: what clients enter that know no SRV, by region.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Print the DNS records that lead clients to the edges.

    NAPTR, SRV and addresses (RFC 3263) for the service domain and for each region, ready to paste into the
    zone; with --format a file for BIND, Knot or NSD. Edges that are drained or lost are left out.
    """
    here = installation(context)
    if follow:
        _follow(here, server or Server.BIND, out, hook)
    if hook is not None:
        raise ConfigError("--hook is for --follow")
    settings = here.settings
    edges = edges_of(settings, here.store)
    if advise:
        rows = [one._asdict() for one in advice(edges, settings.service.domain)]
        print_rows(rows, as_json, "No edge has a region: set node.region, or list [[edges]].")
        return
    records = zone_records(settings, edges)
    if as_json:
        print_json([{"name": name, "type": kind, "data": data} for name, kind, data in records])
    elif out is not None:
        ZoneKeeper(settings, server or Server.BIND, out, None).look(edges)
        say(f"{out} is written.")
    elif server is not None:
        serial = int(time.time())
        say(zone_file(settings, records, server=server, serial=serial, file="FILE").rstrip())
    else:
        for line in zone_lines(records, settings.zone.ttl_s):
            say(line)


def _follow(here: Installation, server: Server, out: Path | None, hook: str | None) -> None:
    """Until it is interrupted. What can't be written at the start ends it; later it is tried again."""
    if out is None:
        raise ConfigError("--follow needs --out FILE")
    keeper = ZoneKeeper(here.settings, server, out, hook)
    keeper.look(edges_of(here.settings, here.store))
    say(f"{out} is written; following.")
    while True:
        time.sleep(LOOK_S)
        said = keeper.look_again(lambda: edges_of(here.settings, here.store))
        if said is not None:
            say_aside(said)
