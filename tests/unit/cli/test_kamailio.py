from pathlib import Path

from tests.unit.cli.conftest import CommandLine
from tests.unit.cli.test_nodes import store_of
from tests.unit.store.test_nodes import FACTS
from trunkline.store.nodes import Listening


def test_it_writes_what_leads_to_the_nodes_and_says_whom_they_have_to_trust(
    line: CommandLine, tmp_path: Path
) -> None:
    listen = ("--listen", "udp:203.0.113.5:5060")
    assert "no node is known" in line.error("kamailio", *listen)
    store = store_of(line)
    store.nodes.enter(FACTS)
    folder = tmp_path / "front"
    said = line.run("kamailio", *listen, "--out", folder)
    assert f"{folder / 'kamailio.cfg'} is written." in said
    assert "1 sip:192.0.2.1:5060;transport=udp 0 0 name=n1" in (folder / "dispatcher.list").read_text()
    text = line.settings_file.read_text().replace("[sip]\n", '[sip]\nfronts = ["203.0.113.5"]\n')
    line.settings_file.write_text(text)
    printed = line.run("kamailio", *listen)
    assert "listen=udp:203.0.113.5:5060" in printed
    assert "name=n1" in printed
    store.nodes.enter(FACTS._replace(listens=(Listening("UDP", "sip.example.net", 5060),)))
    store.close()
    assert "node n1 advertises no IP address" in line.error("kamailio", *listen)
