"""`trunkline ban …`: sources that are turned away at the door."""

from typing import Annotated

import typer

from trunkline.cli.installation import installation
from trunkline.cli.output import Json, examples, moment, print_rows, say
from trunkline.errors import DirectoryError
from trunkline.web.banning import BY_HAND, USUAL_S, let_in, turn_away

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Sources that are turned away.")


@app.command("list")
def list_(context: typer.Context, as_json: Json = False) -> None:
    """Every source that is banned now, why, and until when."""
    with installation(context).control() as node:
        rows = [
            {"source": ban.source, "reason": ban.reason, "ends_at": moment(ban.ends_at)}
            for ban in node.bans()
        ]
    print_rows(rows, as_json, "Nobody is banned.")


@app.command("add", epilog=examples("trunkline ban add 203.0.113.7 --reason 'calls to +882' --hours 48"))
def add(
    context: typer.Context,
    source: Annotated[str, typer.Argument(help="An IP address; of IPv6 its whole /64 is meant.")],
    reason: Annotated[str, typer.Option(help="One line, for whoever reads the list.")] = BY_HAND,
    hours: Annotated[float, typer.Option(help="For so long.")] = USUAL_S / 3600,
) -> None:
    """Turn a source away, a customer's or a carrier's too: nothing that it sends is read, not even in calls
    that are up. With `live.url`, all nodes do so."""
    here = installation(context)
    with here.control() as node:
        made = turn_away(node, here.store.bans, source, reason, hours * 3600)
    say(f"{made.source} is turned away until {moment(made.ends_at)}.")


@app.command("lift", epilog=examples("trunkline ban lift 203.0.113.7"))
def lift(
    context: typer.Context,
    source: Annotated[str, typer.Argument(help="As `trunkline ban list` shows it.")],
) -> None:
    """Let a source in again."""
    here = installation(context)
    with here.control() as node:
        if not let_in(node, here.store.bans, source):
            raise DirectoryError(f"{source} is not banned; trunkline ban list shows who is")
    say(f"{source} is let in again.")
