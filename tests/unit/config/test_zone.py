from pathlib import Path

from tests.unit.config.test_edges import settings
from trunkline.config.zone import Record, zone_lines, zone_records

LISTED = """
[service]
domain = "sip.example.net"
[sip]
tcp = []
[[edges]]
name = "sip-us1"
region = "us"
addresses = ["203.0.113.10", "2001:db8::10"]
[[edges]]
name = "sip-eu1"
region = "eu"
addresses = ["203.0.113.20"]
"""


def test_what_is_listened_on_is_offered(tmp_path: Path) -> None:
    records = zone_records(settings(tmp_path, LISTED))
    assert Record("sip.example.net.", "NAPTR", '20 50 "s" "SIP+D2U" "" _sip._udp.sip.example.net.') in records
    assert Record("_sips._tcp.sip.example.net.", "SRV", "10 50 5061 sip-eu1.sip.example.net.") in records
    assert Record("sip-us1.sip.example.net.", "AAAA", "2001:db8::10") in records
    assert not [record for record in records if record.name.startswith("_sip._tcp")]


def test_lines_of_a_zone_file() -> None:
    lines = zone_lines([Record("a.example.", "A", "192.0.2.1"), Record("b.", "NAPTR", "x")])
    assert lines == ["a.example. 300 IN A     192.0.2.1", "b.         300 IN NAPTR x"]
    assert zone_lines([]) == []
