from pathlib import Path

import pytest

from tests.unit.config.test_edges import settings
from trunkline.config import Settings
from trunkline.config.edges import PublishedEdge, published_edges
from trunkline.config.zone import Record, Server, zone_file, zone_lines, zone_records
from trunkline.errors import ConfigError

LISTED = """
[service]
domain = "sip.example.net"
[sip]
tcp = []
[[edges]]
name = "sip-us1"
region = "us"
weight = 30
addresses = ["203.0.113.10", "2001:db8::10"]
[[edges]]
name = "sip-eu1"
region = "eu"
addresses = ["203.0.113.20"]
"""


def nodes(**standing: tuple[bool, bool]) -> list[PublishedEdge]:
    """Nodes by name (an underscore for the hyphen): whether each serves, and lives."""
    return [
        PublishedEdge(name.replace("_", "-"), None, (), {"udp": 5060, "tls": 5061}, 1, *how)
        for name, how in standing.items()
    ]


def records(known: Settings, **standing: tuple[bool, bool]) -> list[Record]:
    return zone_records(known, published_edges(known, nodes(**standing)))


def found(records: list[Record], name: str, kind: str) -> list[str]:
    return [record.data for record in records if (record.name, record.kind) == (name, kind)]


def test_what_is_listened_on_is_offered(tmp_path: Path) -> None:
    made = records(settings(tmp_path, LISTED))
    assert Record("sip.example.net.", "NAPTR", '20 50 "s" "SIP+D2U" "" _sip._udp.sip.example.net.') in made
    assert found(made, "_sips._tcp.sip.example.net.", "SRV") == [
        "10 30 5061 sip-us1.sip.example.net.",
        "10 100 5061 sip-eu1.sip.example.net.",
    ]
    assert Record("sip-us1.sip.example.net.", "AAAA", "2001:db8::10") in made
    assert not [record for record in made if record.name.startswith("_sip._tcp")]


def test_every_transport_has_its_service(tmp_path: Path) -> None:
    """RFC 3263 §4.1: TLS before TCP before UDP; an edge is behind those that it listens for."""
    edges = [
        PublishedEdge("a", None, ("192.0.2.1",), {"udp": 5060, "tcp": 5070, "tls": 5061}, 1, True, True),
        PublishedEdge("b", None, ("192.0.2.2",), {"udp": 5060}, 1, True, True),
    ]
    made = zone_records(settings(tmp_path, LISTED), edges)
    name = "sip.example.net."
    assert found(made, name, "NAPTR") == [
        f'10 50 "s" "SIPS+D2T" "" _sips._tcp.{name}',
        f'20 50 "s" "SIP+D2T" "" _sip._tcp.{name}',
        f'30 50 "s" "SIP+D2U" "" _sip._udp.{name}',
    ]
    assert found(made, f"_sips._tcp.{name}", "SRV") == [f"10 1 5061 a.{name}"]
    assert found(made, f"_sip._tcp.{name}", "SRV") == [f"10 1 5070 a.{name}"]
    assert found(made, f"_sip._udp.{name}", "SRV") == [f"10 1 5060 a.{name}", f"10 1 5060 b.{name}"]
    twice = [edge._replace(name="A") if edge.name == "b" else edge for edge in edges]
    with pytest.raises(ConfigError, match="A is the name of a region or another edge"):
        zone_records(settings(tmp_path, LISTED), twice)


def test_a_region_prefers_its_own_and_falls_back_to_the_others(tmp_path: Path) -> None:
    made = records(settings(tmp_path, LISTED))
    assert found(made, "eu.sip.example.net.", "NAPTR")[1] == (
        '20 50 "s" "SIP+D2U" "" _sip._udp.eu.sip.example.net.'
    )
    assert found(made, "_sip._udp.eu.sip.example.net.", "SRV") == [
        "10 100 5060 sip-eu1.sip.example.net.",
        "20 30 5060 sip-us1.sip.example.net.",
    ]
    assert found(made, "eu.sip.example.net.", "A") == ["203.0.113.20"]
    assert found(made, "sip.example.net.", "A") == ["203.0.113.10", "203.0.113.20"]


def test_a_drained_edge_keeps_its_own_name_and_a_lost_one_none(tmp_path: Path) -> None:
    known = settings(tmp_path, LISTED)
    drained = records(known, sip_eu1=(False, True))
    assert not [record for record in drained if "sip-eu1" in record.data]
    assert found(drained, "sip-eu1.sip.example.net.", "A") == ["203.0.113.20"]
    assert found(drained, "_sip._udp.eu.sip.example.net.", "SRV") == ["20 30 5060 sip-us1.sip.example.net."]
    assert found(drained, "eu.sip.example.net.", "A") == ["203.0.113.10"]
    lost = records(known, sip_eu1=(False, False))
    assert not [record for record in lost if "203.0.113.20" in record.data]


def test_no_edge_that_serves_leaves_all_of_them(tmp_path: Path) -> None:
    known = settings(tmp_path, LISTED)
    assert records(known, sip_eu1=(False, False), sip_us1=(False, False)) == records(known)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('[service]\ndomain = "192.0.2.1"\n', "only a name has DNS records"),
        ('[node]\nname = "my node"\n', "'my node' can't be a host name: give that node another"),
        ('[node]\nname = "us"\nregion = "us"\n', "us is the name of a region or another edge too"),
    ],
)
def test_names_that_a_zone_can_not_hold(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        records(settings(tmp_path, f'{text}[sip]\nadvertised_host = "203.0.113.5"\n'))


def test_lines_of_a_zone_file() -> None:
    lines = zone_lines([Record("a.example.", "A", "192.0.2.1"), Record("b.", "NAPTR", "x")], 60)
    assert lines == ["a.example. 60 IN A     192.0.2.1", "b.         60 IN NAPTR x"]
    assert zone_lines([], 60) == []


WHOLE = '[zone]\nname_servers = ["ns1.example.net", "ns2.example.org"]\ncontact = "dns.team@example.net"\n'


def test_a_whole_zone_has_soa_and_ns(tmp_path: Path) -> None:
    known = settings(tmp_path, WHOLE + LISTED)
    text = zone_file(known, records(known), server=Server.KNOT, serial=7, file="/etc/knot/sip.zone")
    soa = "ns1.example.net. dns\\.team.example.net. 7 300 60 604800 60"
    assert f"sip.example.net. 60 IN SOA   {soa}\n" in text
    assert "sip.example.net. 60 IN NS    ns2.example.org.\n" in text
    assert "knotc zone-reload sip.example.net\n" in text
    assert text.endswith("203.0.113.20\n")


def test_names_that_end_as_in_a_zone_file_are_written_the_same(tmp_path: Path) -> None:
    texts = []
    for dot in ("", "."):
        whole = WHOLE.replace('net"', f'net{dot}"').replace('org"', f'org{dot}"')
        known = settings(tmp_path, whole + LISTED.replace('example.net"', f'example.net{dot}"'))
        texts.append(zone_file(known, records(known), server=Server.NSD, serial=1, file="f"))
    assert texts[0] == texts[1]
    assert ".." not in texts[0]


@pytest.mark.parametrize(
    ("server", "words"),
    [
        (Server.BIND, 'zone "sip.example.net" { type primary; file "f"; };'),
        (Server.KNOT, 'zone: [ { domain: sip.example.net, file: "f", zonefile-sync: -1 } ]'),
        (Server.NSD, "nsd-control reload sip.example.net"),
    ],
)
def test_each_server_is_told_in_its_own_words(tmp_path: Path, server: Server, words: str) -> None:
    known = settings(tmp_path, WHOLE + LISTED)
    assert words in zone_file(known, [], server=server, serial=1, file="f")


def test_without_name_servers_it_is_a_part_of_a_zone(tmp_path: Path) -> None:
    known = settings(tmp_path, LISTED)
    text = zone_file(known, records(known), server=Server.BIND, serial=7, file="f")
    assert '; Records for a zone that exists:  $INCLUDE "f"\n' in text
    assert "SOA" not in text


def test_a_name_server_within_the_zone_is_refused(tmp_path: Path) -> None:
    text = '[zone]\nname_servers = ["ns1.sip.example.net"]\n' + LISTED
    known = settings(tmp_path, text)
    with pytest.raises(ConfigError, match=r"ns1\.sip\.example\.net is within the zone"):
        zone_file(known, [], server=Server.NSD, serial=1, file="f")
