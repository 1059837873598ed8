"""The edges as the settings and the nodes on the database say together: for the zone, the pages and the PBXs'
configurations.
"""

from collections.abc import Sequence

from trunkline.config import Settings
from trunkline.config.edges import PublishedEdge, published_edges
from trunkline.sip.uri import is_address
from trunkline.store.nodes import Node, Standing
from trunkline.store.store import Store

_GONE = (Standing.LOST, Standing.STOPPED)


def edges_of(settings: Settings, store: Store) -> list[PublishedEdge]:
    """Every edge. Raises `ConfigError` when no address is known, `DatabaseError`."""
    return published_edges(settings, node_edges(store.nodes.list()))


def calling_edges(settings: Settings, store: Store) -> list[PublishedEdge]:
    """Whatever calls may come from: every edge, and nodes at addresses that no edge has, such as those behind
    a front. Raises as `edges_of`.
    """
    nodes = node_edges(store.nodes.list())
    edges = published_edges(settings, nodes)
    known = {address for edge in edges for address in edge.addresses}
    return [*edges, *(node for node in nodes if not known.issuperset(node.addresses))]


def node_edges(nodes: Sequence[Node]) -> list[PublishedEdge]:
    """Each node as an edge of its own; without addresses where it advertises names alone."""
    return [
        PublishedEdge(
            node.name,
            node.region,
            tuple(dict.fromkeys(each.host for each in node.listens if is_address(each.host))),
            {each.transport.lower(): each.port for each in reversed(node.listens)},
            node.weight,
            node.serves,
            node.standing not in _GONE,
        )
        for node in nodes
    ]
