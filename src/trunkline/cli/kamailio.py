"""`trunkline kamailio`: the configuration of a Kamailio in front of the nodes."""

from pathlib import Path
from typing import Annotated

import typer

from trunkline.cli.installation import installation
from trunkline.cli.output import examples, say, say_aside
from trunkline.errors import ConfigError
from trunkline.pbx.front import FOLDER, FrontNode, Listener, write_front
from trunkline.sip.ports import Address
from trunkline.sip.uri import is_address
from trunkline.store.nodes import Node

app = typer.Typer(add_completion=False)


@app.command(
    epilog=examples(
        "trunkline kamailio --listen udp:203.0.113.5:5060 --out /etc/kamailio",
        "trunkline kamailio --listen udp:203.0.113.5:5060 --listen tls:203.0.113.5:5061",
    )
)
def kamailio(
    context: typer.Context,
    listen: Annotated[
        list[str],
        typer.Option(
            help="Where it listens: udp:ADDRESS:PORT, tcp:ADDRESS:PORT or tls:ADDRESS:PORT. May be repeated."
        ),
    ],
    out: Annotated[
        Path | None, typer.Option(help="Folder to write into. Default: print the files.", file_okay=False)
    ] = None,
) -> None:
    """Write the configuration of a Kamailio in front of the nodes.

    For those who want one address: calls stay on their node, follow drain and health, and the nodes hear the
    true source. Run it again when a node was added.
    """
    here = installation(context)
    settings = here.settings
    listeners = [Listener.parse(text) for text in listen]
    nodes = [_node(node) for node in here.store.nodes.list()]
    folder = str(out.absolute()) if out is not None else FOLDER
    for file in write_front(settings.service.domain, listeners, nodes, folder):
        if out is None:
            say_aside(f"# {file.name}: {file.place}")
            say(file.text.rstrip("\n"))
            continue
        path = out / file.name
        try:
            out.mkdir(parents=True, exist_ok=True)
            path.write_text(file.text, encoding="utf-8")
        except OSError as error:
            raise ConfigError(f"{path} can't be written: {error.strerror or error}") from error
        say(f"{path} is written.")
    if any(each.transport == "tls" for each in listeners):
        say_aside(f"For TLS, put its certificate and key there: {folder}/cert.pem, {folder}/key.pem.")
    missing = sorted({each.address.host for each in listeners} - set(settings.sip.fronts))
    if missing:
        say_aside(
            f"Set sip.fronts of every node to the address that the front sends from ({', '.join(missing)}), "
            "and restart it: nodes believe nobody else."
        )


def _node(node: Node) -> FrontNode:
    """How the front reaches it. Raises `ConfigError` when it can't."""
    for transport in ("UDP", "TCP"):
        for each in node.listens:
            if each.transport == transport and is_address(each.host):
                return FrontNode(node.name, transport.lower(), Address(each.host, each.port))
    raise ConfigError(
        f"node {node.name} advertises no IP address for UDP or TCP: set its sip.advertised_host to one"
    )
