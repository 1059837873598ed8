from tests.unit.cli.conftest import CommandLine

EDGES = """
[[edges]]
name = "sip-us1"
region = "us"
addresses = ["203.0.113.10", "2001:db8::10"]
[[edges]]
name = "sip-eu1"
region = "eu"
addresses = ["203.0.113.20"]
"""


def test_the_edges_of_the_settings(line: CommandLine) -> None:
    line.settings_file.write_text(line.settings_file.read_text() + EDGES)
    records = [(row["name"], row["type"], row["data"]) for row in line.json("dns")]
    assert ("sip.example.net.", "NAPTR", '10 50 "s" "SIPS+D2T" "" _sips._tcp.sip.example.net.') in records
    assert ("_sip._udp.sip.example.net.", "SRV", "10 50 5060 sip-eu1.sip.example.net.") in records
    assert ("sip-us1.sip.example.net.", "AAAA", "2001:db8::10") in records
    assert ("sip.example.net.", "A", "203.0.113.20") in records


def test_lines_for_a_zone_file(line: CommandLine) -> None:
    line.settings_file.write_text(line.settings_file.read_text() + EDGES)
    assert "300 IN A     203.0.113.20" in line.run("dns")


def test_a_node_alone_is_its_own_edge(line: CommandLine) -> None:
    text = line.settings_file.read_text().replace("[sip]\n", '[sip]\nadvertised_host = "203.0.113.5"\n')
    line.settings_file.write_text(text)
    assert any(row["data"] == "203.0.113.5" for row in line.json("dns"))
