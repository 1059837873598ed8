"""The edges of the service: the hosts that customers send to, and that calls to them come from.

Those of the settings; where none are listed, the nodes on the database; where none is there either, this
node. Whether an edge takes calls is known of nodes on the database, by their name; what nobody knows better
takes them.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from trunkline.config.advertised import advertised_host
from trunkline.config.sections import Edge
from trunkline.config.settings import Settings
from trunkline.errors import ConfigError
from trunkline.sip.uri import is_address

NEAREST = 2
"""So many edges a client that knows no SRV shares its calls between."""


class PublishedEdge(NamedTuple):
    """One edge."""

    name: str
    """Its name below the service domain."""
    region: str | None
    addresses: tuple[str, ...]
    """IP addresses, one or more."""
    ports: Mapping[str, int]
    """Where it takes SIP: `udp`, `tcp`, `tls`, as far as it does."""
    weight: int = 100
    """Its share of the calls beside the others of its region."""
    serves: bool = True
    """Whether clients are to be led to it now."""
    lives: bool = True
    """Whether it is there at all: a drained edge is, and has calls."""


class Advice(NamedTuple):
    """What a client in a region enters that knows no SRV."""

    region: str
    share: tuple[str, ...]
    """Names of the edges to share the calls between."""
    backup: tuple[str, ...]
    """Names of those to try when these fail, in this order."""


def published_edges(settings: Settings, nodes: Sequence[PublishedEdge] = ()) -> list[PublishedEdge]:
    """Every edge; `nodes` are those on the database. Raises `ConfigError` when no address is known."""
    if settings.edges:
        known = {node.name: node for node in nodes}
        return [_listed(settings, edge, known.get(edge.name)) for edge in settings.edges]
    reachable = [node for node in nodes if node.addresses]
    if reachable:
        return reachable
    hosts = {
        advertised_host(settings, bound.host)
        for bound in (*settings.sip.udp, *settings.sip.tcp, *settings.sip.tls)
    }
    addresses = tuple(sorted(host for host in hosts if is_address(host)))
    if not addresses:
        raise ConfigError(
            "this node's address is not known: set sip.advertised_host to it, or list [[edges]]"
        )
    node = settings.node
    return [PublishedEdge(node.name, node.region, addresses, _ports(settings), node.weight)]


def _listed(settings: Settings, edge: Edge, node: PublishedEdge | None) -> PublishedEdge:
    """An edge of the settings; `node` is the one of its name."""
    ports = _ports(settings) if node is None else node.ports
    return PublishedEdge(
        edge.name,
        edge.region,
        tuple(edge.addresses),
        {name: port for name, port in ports.items() if name in edge.transports},
        edge.weight,
        node is None or node.serves,
        node is None or node.lives,
    )


def in_service(edges: Sequence[PublishedEdge]) -> list[PublishedEdge]:
    """Those to lead clients to; all, where none takes calls: names that lead nowhere help nobody."""
    return [edge for edge in edges if edge.serves] or list(edges)


def regions(edges: Sequence[PublishedEdge]) -> list[str]:
    """The regions, in the order of their first edges."""
    return list(dict.fromkeys(edge.region for edge in edges if edge.region is not None))


def advice(edges: Sequence[PublishedEdge], domain: str) -> list[Advice]:
    """For each region: its own edges are the nearest, then the others in their order. The advice is of all
    edges, drained ones too: who follows it has typed it into a PBX.
    """
    found = []
    for region in regions(edges):
        ordered = sorted(edges, key=lambda edge: edge.region != region)
        names = tuple(f"{edge.name}.{domain}" for edge in ordered)
        found.append(Advice(region, names[:NEAREST], names[NEAREST:]))
    return found


def _ports(settings: Settings) -> dict[str, int]:
    sip = settings.sip
    listed = {"udp": sip.udp, "tcp": sip.tcp, "tls": sip.tls}
    return {name: bound[0].port for name, bound in listed.items() if bound}
