from tests.unit.store.test_nodes import FACTS, PULSE
from trunkline.config import Settings
from trunkline.store.nodes import Listening, Nodes
from trunkline.web.edge_list import edges_of, node_edges
from trunkline.web.office import Office


def test_nodes_are_edges(office: Office) -> None:
    nodes: Nodes = office.store.nodes
    listens = (
        Listening("UDP", "192.0.2.1", 5060),
        Listening("UDP", "2001:db8::1", 5080),
        Listening("TLS", "sip.example.net", 5061),
    )
    nodes.enter(FACTS._replace(listens=listens))
    (edge,) = node_edges(nodes.list())
    assert edge == ("n1", "us", ("192.0.2.1", "2001:db8::1"), {"udp": 5060, "tls": 5061}, 100, True, True)
    nodes.drain("n1")
    nodes.beat("n1", "first", PULSE, 0.0)
    (edge,) = edges_of(Settings(), office.store)
    assert (edge.serves, edge.lives) == (False, True)
    nodes.leave("n1", "first")
    (edge,) = node_edges(nodes.list())
    assert (edge.serves, edge.lives) == (False, False)
