from tests.unit.store.test_nodes import FACTS, PULSE
from trunkline.config import Settings
from trunkline.store.nodes import Listening, Nodes
from trunkline.web.edge_list import calling_edges, edges_of, node_edges
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


def test_calls_come_from_nodes_behind_a_front_too(office: Office) -> None:
    office.store.nodes.enter(FACTS)
    text = '[[edges]]\nname = "front"\nregion = "us"\naddresses = ["203.0.113.5"]\n'
    behind = calling_edges(Settings.parse(text), office.store)
    assert [(edge.name, edge.addresses) for edge in behind] == [
        ("front", ("203.0.113.5",)),
        ("n1", ("192.0.2.1",)),
    ]
    same = calling_edges(Settings.parse(text.replace("203.0.113.5", "192.0.2.1")), office.store)
    assert [edge.name for edge in same] == ["front"]
