import subprocess
import sys
from pathlib import Path

from tests.interop.addresses import wait_for
from tests.unit.cli.conftest import ENVIRONMENT, CommandLine
from tests.unit.cli.test_nodes import store_of
from tests.unit.store.test_nodes import FACTS, PULSE

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
    assert ("_sip._udp.sip.example.net.", "SRV", "10 100 5060 sip-eu1.sip.example.net.") in records
    assert ("sip-us1.sip.example.net.", "AAAA", "2001:db8::10") in records
    assert ("sip.example.net.", "A", "203.0.113.20") in records


def test_lines_for_a_zone_file(line: CommandLine) -> None:
    line.settings_file.write_text(line.settings_file.read_text() + EDGES)
    assert "60 IN A     203.0.113.20" in line.run("dns")


def test_a_node_alone_is_its_own_edge(line: CommandLine) -> None:
    text = line.settings_file.read_text().replace("[sip]\n", '[sip]\nadvertised_host = "203.0.113.5"\n')
    line.settings_file.write_text(text)
    assert any(row["data"] == "203.0.113.5" for row in line.json("dns"))


def test_a_file_for_a_name_server(line: CommandLine, tmp_path: Path) -> None:
    line.settings_file.write_text(line.settings_file.read_text() + EDGES)
    assert "$INCLUDE" in line.run("dns", "--format", "nsd")
    file = tmp_path / "sip.zone"
    assert line.run("dns", "--format", "knot", "--out", file) == f"{file} is written.\n"
    assert "sip-us1.sip.example.net." in file.read_text()


def test_advice_for_each_region(line: CommandLine) -> None:
    assert "No edge has a region" in line.run("dns", "--advice")
    line.settings_file.write_text(line.settings_file.read_text() + EDGES)
    us, _ = line.json("dns", "--advice")
    assert us == {
        "region": "us",
        "share": ["sip-us1.sip.example.net", "sip-eu1.sip.example.net"],
        "backup": [],
    }


def test_what_does_not_go_together(line: CommandLine) -> None:
    assert "--follow needs --out" in line.error("dns", "--follow")
    assert "--hook is for --follow" in line.error("dns", "--hook", "true")


def test_it_follows_a_drain_and_runs_the_hook(line: CommandLine, tmp_path: Path) -> None:
    store = store_of(line)
    store.nodes.enter(FACTS._replace(lost_after_s=600.0))
    store.nodes.beat("n1", "first", PULSE, 0.0)
    store.nodes.enter(FACTS._replace(name="n2", identity="there", run="second", lost_after_s=600.0))
    file, heard = tmp_path / "sip.zone", tmp_path / "heard"
    following = subprocess.Popen(
        [
            *(sys.executable, "-m", "trunkline.cli", "-c", str(line.settings_file), "dns"),
            *("--follow", "--out", str(file), "--hook", f"cp {file} {heard}"),
        ],
        env=ENVIRONMENT,
        stdout=subprocess.DEVNULL,
    )
    try:

        def said() -> str:
            return heard.read_text() if heard.exists() else ""

        wait_for("the zone", lambda: "5060 n1.sip.example.net." in said(), within_s=30)
        store.nodes.drain("n1")
        wait_for("the drained node to leave", lambda: "5060 n1." not in said() and "5060 n2." in said(), 30)
        store.nodes.let_back("n1")
        wait_for("it to be back", lambda: "5060 n1." in said(), 30)
    finally:
        following.terminate()
        following.wait(10)
        store.close()
