"""`trunkline status`: how the running node is doing."""

from dataclasses import asdict

import typer

from trunkline.cli.installation import installation
from trunkline.cli.output import Json, examples, moment, print_card

app = typer.Typer(add_completion=False)


@app.command(epilog=examples("trunkline status", "trunkline status --json"))
def status(context: typer.Context, as_json: Json = False) -> None:
    """Say how the running node is doing. Exit status 1 when none runs."""
    with installation(context).control() as node:
        stats = node.stats()
        ports = node.media_ports()
    card = asdict(stats)
    card["started_at"] = moment(stats.started_at)
    del card["media_ports_in_use"]
    if not stats.media_instances:
        del card["media_instances"]
    del card["live_degraded"]
    if not stats.live:
        del card["live"]
    card["media_ports"] = f"{ports.in_use} in use, {ports.draining} resting, {ports.free} free"
    print_card(card, as_json)
