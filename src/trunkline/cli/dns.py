"""`trunkline dns`: the records that lead clients to the edges (RFC 3263 §4)."""

import typer

from trunkline.cli.installation import installation
from trunkline.cli.output import Json, examples, print_json, say
from trunkline.config.zone import zone_lines, zone_records

app = typer.Typer(add_completion=False)


@app.command(epilog=examples("trunkline dns", "trunkline dns --json"))
def dns(context: typer.Context, as_json: Json = False) -> None:
    """Print the DNS records that lead clients to the edges.

    NAPTR, SRV and addresses (RFC 3263), ready to paste into the zone.
    """
    records = zone_records(installation(context).settings)
    if as_json:
        print_json([{"name": name, "type": kind, "data": data} for name, kind, data in records])
        return
    for line in zone_lines(records):
        say(line)
