from pathlib import Path

import pytest

from trunkline.config import Settings
from trunkline.config.edges import Advice, PublishedEdge, advice, in_service, published_edges, regions
from trunkline.errors import ConfigError

LISTED = """
[[edges]]
name = "sip-us1"
region = "us"
weight = 50
addresses = ["203.0.113.10", "2001:db8::10"]
"""
PORTS = {"udp": 5060, "tcp": 5060, "tls": 5061}
NODE = PublishedEdge("sip-us1", "eu", ("192.0.2.1",), {"udp": 5070}, serves=False, lives=True)


def settings(folder: Path, text: str) -> Settings:
    file = folder / "trunkline.toml"
    file.write_text(text)
    return Settings.load(file)


def edge(name: str, region: str | None = None, *, serves: bool = True) -> PublishedEdge:
    return PublishedEdge(name, region, ("192.0.2.1",), PORTS, serves=serves)


def test_the_edges_of_the_settings(tmp_path: Path) -> None:
    (edge,) = published_edges(settings(tmp_path, LISTED))
    assert edge == ("sip-us1", "us", ("203.0.113.10", "2001:db8::10"), PORTS, 50, True, True)


def test_of_a_listed_edge_its_node_says_how_it_is(tmp_path: Path) -> None:
    listed = settings(tmp_path, LISTED)
    (edge,) = published_edges(listed, [NODE, NODE._replace(name="another")])
    assert edge == ("sip-us1", "us", ("203.0.113.10", "2001:db8::10"), {"udp": 5070}, 50, False, True)


def test_an_edge_is_offered_by_what_it_takes(tmp_path: Path) -> None:
    listed = settings(tmp_path, LISTED + 'transports = ["udp", "tls"]\n')
    assert published_edges(listed)[0].ports == {"udp": 5060, "tls": 5061}
    assert published_edges(listed, [NODE])[0].ports == {"udp": 5070}


def test_nodes_are_the_edges_where_none_is_listed(tmp_path: Path) -> None:
    none_listed = settings(tmp_path, '[sip]\nadvertised_host = "203.0.113.5"\n')
    assert published_edges(none_listed, [NODE, NODE._replace(addresses=())]) == [NODE]
    (edge,) = published_edges(none_listed, [NODE._replace(addresses=())])
    assert edge.addresses == ("203.0.113.5",)


def test_a_node_alone_is_the_only_edge(tmp_path: Path) -> None:
    (edge,) = published_edges(
        settings(tmp_path, '[node]\nname = "one"\n[sip]\nadvertised_host = "203.0.113.5"\ntcp = []\n')
    )
    assert edge == ("one", None, ("203.0.113.5",), {"udp": 5060, "tls": 5061}, 100, True, True)


def test_a_name_is_no_address(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="advertised_host"):
        published_edges(settings(tmp_path, '[sip]\nadvertised_host = "sip.example.net"\n'))


def test_clients_are_led_to_those_that_serve_or_else_to_all() -> None:
    one, other = edge("a"), edge("b", serves=False)
    assert in_service([one, other]) == [one]
    assert in_service([other]) == [other]


def test_without_srv_the_two_nearest_and_the_rest_as_backup() -> None:
    edges = [edge("us1", "us"), edge("us2", "us"), edge("eu1", "eu", serves=False), edge("x")]
    assert regions(edges) == ["us", "eu"]
    assert advice(edges, "h") == [
        Advice("us", ("us1.h", "us2.h"), ("eu1.h", "x.h")),
        Advice("eu", ("eu1.h", "us1.h"), ("us2.h", "x.h")),
    ]
