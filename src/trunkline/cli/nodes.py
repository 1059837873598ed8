"""`trunkline node …`: the nodes on this installation's database."""

import time
from typing import Annotated, Any

import typer

from trunkline.cli.installation import installation
from trunkline.cli.output import Json, examples, moment, print_rows, progress, say
from trunkline.errors import DirectoryError
from trunkline.store.nodes import Node, Standing

app = typer.Typer(no_args_is_help=True, add_completion=False, help="The nodes on this database.")

Name = Annotated[str, typer.Argument(help="As `trunkline node list` shows it.")]
LOOK_S = 0.5
SETTLED_S = 2.5
"""After an order; what a node says of its calls from then on, it has counted after it heard of it."""


@app.command("list", epilog=examples("trunkline node list", "trunkline node list --json"))
def list_(context: typer.Context, as_json: Json = False) -> None:
    """Every node: how it stands, its calls and load, and what is wrong with it."""
    nodes = installation(context).store.nodes
    revision = nodes.revision()
    print_rows([_row(node, revision) for node in nodes.list()], as_json, "No node has started yet.")


def _row(node: Node, revision: str) -> dict[str, Any]:
    return {
        "name": node.name,
        "region": node.region,
        "standing": str(node.standing),
        "calls": node.calls,
        "load": node.load,
        "version": node.version,
        "started_at": moment(node.started_at),
        "heard_at": moment(node.seen_at),
        "listens": [str(each) for each in node.listens],
        "problems": list(node.problems(revision)),
    }


@app.command("drain", epilog=examples("trunkline node drain sip-us1", "trunkline node drain sip-us1 --wait"))
def drain(
    context: typer.Context,
    name: Name,
    wait: Annotated[bool, typer.Option("--wait", help="Return only once it has no call left.")] = False,
) -> None:
    """Have a node take no new calls; those that are up go on.

    It leaves the DNS zone, and answers new calls and health checks with 503. It keeps running, and stays
    drained over restarts, until `trunkline node return`. To stop it as well, use `trunkline drain` there.
    """
    nodes = installation(context).store.nodes
    nodes.drain(name)
    say(f"{name} takes no new calls from the next second on. `trunkline node return {name}` ends that.")
    if not wait:
        return
    with progress("waiting for its calls to end"):
        while True:
            node = next((one for one in nodes.list() if one.name == name), None)
            if node is None or node.standing is Standing.LOST:
                raise DirectoryError(f"node {name} is lost: its calls can't be waited for")
            if node.standing is Standing.STOPPED or _is_empty(node):
                break
            time.sleep(LOOK_S)
    say(f"{name} has no call left.")


def _is_empty(node: Node) -> bool:
    drained_at = node.drained_at
    settled = drained_at is not None and node.seen_at - drained_at > SETTLED_S
    return settled and node.standing is Standing.DRAINED


@app.command("return", epilog=examples("trunkline node return sip-us1"))
def let_back(context: typer.Context, name: Name) -> None:
    """Have a drained node take calls again."""
    installation(context).store.nodes.let_back(name)
    say(f"{name} takes calls again from the next second on.")


@app.command("forget", epilog=examples("trunkline node forget sip-us1"))
def forget(context: typer.Context, name: Name) -> None:
    """Take a node that is gone for good off the list."""
    installation(context).store.nodes.forget(name)
    say(f"{name} is forgotten.")
