"""A node whose data are in PostgreSQL, as its operator runs it: calls, and what becomes of them and of their
records while the server is gone, hangs, or can't be reached.
"""

import signal
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.interop.addresses import free_port, wait_for
from tests.interop.conftest import Speak, Start
from tests.interop.node import DOMAIN, HOST, KEY, Node
from tests.interop.postgres.ground import CARRIER, PBX, Phones, prepare, way
from tests.interop.sipp.scenario import sdp
from tests.postgres import Cluster, running_cluster

PATIENCE_S = 60.0
pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def server() -> Iterator[Cluster]:
    """Of this module alone: it is ill-treated."""
    with running_cluster(free_port()) as cluster:
        yield cluster


@pytest.fixture
def database(server: Cluster) -> Iterator[str]:
    """An empty one; its nodes notice soon when it is away."""
    server.create("calls")
    yield server.url("calls", patient=False)
    server.drop("calls")


@pytest.fixture
def node(tmp_path: Path, database: str) -> Iterator[Node]:
    """Up, with a carrier and a number."""
    node = Node(tmp_path / "node", database=database)
    try:
        node.init()
        prepare(node)
        node.start()
        yield node
    finally:
        node.close()


@pytest.fixture
def phones(sipp: Start) -> Phones:
    return Phones(sipp)


def records(node: Node) -> list[dict[str, Any]]:
    """All of them."""
    rows: list[dict[str, Any]] = node.command("calls", "--limit", "100")
    return rows


def closed(node: Node, count: int) -> list[dict[str, Any]]:
    """Wait until there are so many, all of them closed."""

    def look() -> list[dict[str, Any]] | None:
        rows = records(node)
        return rows if len(rows) >= count and all(row["verdict"] != "open" for row in rows) else None

    rows = wait_for(f"{count} closed records", look, within_s=PATIENCE_S, every_s=0.2)
    assert len(rows) == count
    return rows


def test_calls_out_and_in_are_heard_and_recorded(node: Node, phones: Phones, voice: Speak) -> None:
    mouth, ear = voice(440, PBX), voice(1000, CARRIER)
    carrier = phones.carrier(sdp(ear))
    caller = phones.out(node, body=sdp(mouth))
    there, here = carrier.received("INVITE").audio, caller.answer().audio
    assert there is not None
    assert here is not None
    mouth.talk_to(*here)
    ear.talk_to(*there)
    wait_for("the callee to hear the caller", lambda: ear.hears(440))
    wait_for("the caller to hear the callee", lambda: mouth.hears(1000))
    wait_for("more than a second of audio", lambda: min(len(ear.heard), len(mouth.heard)) > 60)
    caller.tell()
    caller.done()
    carrier.done()
    pbx = phones.pbx()
    called = phones.into(node)
    called.done()
    pbx.done()
    out, into = node.record(caller.call_id), node.record(called.call_id)
    assert (out["direction"], out["verdict"], out["account"]) == ("outbound", "answered", KEY)
    assert (into["direction"], into["verdict"], into["number"]) == ("inbound", "answered", "12125550300")
    assert out["talk_s"] > 1
    assert "PCM" in out["caller_media"]
    assert [attempt["verdict"] for attempt in out["attempt_records"]] == ["answered"]
    node.stop()


def test_bytes_that_are_no_text_are_recorded_all_the_same(node: Node) -> None:
    """The carrier's, in an identifier that it makes up."""
    lines = (
        f"INVITE sip:12125550300@{DOMAIN} SIP/2.0",
        f"Via: SIP/2.0/UDP {CARRIER}:5060;branch=z9hG4bK-raw;rport",
        f"From: <sip:442071838750@{CARRIER}>;tag=1",
        f"To: <sip:12125550300@{DOMAIN}>",
        "Call-ID: a\udcffb",
        "CSeq: 1 INVITE",
        f"Contact: <sip:carrier@{CARRIER}>",
        "Max-Forwards: 70",
        "Content-Length: 0",
    )
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as carrier:
        carrier.bind((CARRIER, 0))
        text = "".join(f"{line}\r\n" for line in (*lines, ""))
        carrier.sendto(text.encode("utf-8", "surrogateescape"), (HOST, node.port))
        carrier.settimeout(PATIENCE_S)
        while not (answer := carrier.recv(4096)).startswith((b"SIP/2.0 4", b"SIP/2.0 5")):
            assert answer.startswith(b"SIP/2.0 1"), answer
    (row,) = closed(node, 1)
    assert node.command("calls", row["call_id"])["sip_call_id"] == "a\xffb"


def place(phones: Phones, node: Node) -> None:
    """A whole call."""
    phones.out(node, up_ms=300).done()


def go_away(server: Cluster, how: str) -> None:
    if how == "killed":
        server.kill()
    else:
        server.freeze()


def come_back(server: Cluster, how: str) -> None:
    if how == "killed":
        server.start()
    else:
        server.thaw()


def journal(node: Node) -> Path:
    """Holds records that are not in the database yet."""
    return node.directory / "records.journal"


@pytest.mark.parametrize("how", ["killed", "hanging"])
def test_calls_go_on_without_the_server_and_their_records_arrive_once(
    server: Cluster, node: Node, phones: Phones, how: str
) -> None:
    carrier = phones.carrier(calls=4)
    before, until_later = phones.out(node), phones.out(node)
    before.answer()
    until_later.answer()
    wait_for("their records", lambda: len(records(node)) == 2)
    go_away(server, how)
    try:
        place(phones, node)
        wait_for("the journal", journal(node).exists, within_s=PATIENCE_S)
        place(phones, node)
        before.tell()
        before.done()
    finally:
        come_back(server, how)
    wait_for("all records", lambda: len(records(node)) == 4, within_s=PATIENCE_S)
    wait_for("the journal to be delivered", lambda: not journal(node).exists(), within_s=PATIENCE_S)
    until_later.tell()
    until_later.done()
    carrier.done()
    for row in closed(node, 4):
        card = node.command("calls", row["call_id"])
        assert (card["state"], card["verdict"]) == ("closed", "answered")
        assert [attempt["verdict"] for attempt in card["attempt_records"]] == ["answered"]
    node.signal(signal.SIGTERM)
    assert node.wait() == 0


def test_a_node_that_dies_without_the_server_closes_its_records_later(
    server: Cluster, node: Node, phones: Phones
) -> None:
    phones.carrier(calls=2)
    phones.out(node).answer()
    wait_for("its record", lambda: records(node))
    server.kill()
    try:
        phones.out(node).answer()
        wait_for("the journal", journal(node).exists, within_s=PATIENCE_S)
        wait_for("the second call in it", lambda: journal(node).read_text().count("442071838750") >= 1)
        node.kill()
    finally:
        server.start()
    node.start()
    rows = closed(node, 2)
    assert {node.command("calls", row["call_id"])["state"] for row in rows} == {"recovered"}
    node.stop()


def test_without_the_server_it_starts_with_what_it_last_knew(
    server: Cluster, node: Node, phones: Phones
) -> None:
    node.stop()
    server.kill()
    try:
        node.start()
        assert node.logged("working with the last known directory")
        carrier = phones.carrier()
        place(phones, node)
        carrier.done()
    finally:
        server.start()
    (row,) = closed(node, 1)
    assert row["verdict"] == "answered"
    wait_for("the journal to be delivered", lambda: not journal(node).exists(), within_s=PATIENCE_S)
    node.command("account", "add", "--key", "later")
    wait_for("the node to follow again", lambda: node.command("explain", "later", "442071838750")["placed"])
    node.signal(signal.SIGTERM)
    assert node.wait() == 0


def test_a_first_start_without_the_server_is_refused(tmp_path: Path, server: Cluster, database: str) -> None:
    with closing(Node(tmp_path / "node", database=database)) as node:
        node.init()
        server.kill()
        try:
            with pytest.raises(
                AssertionError, match=r"the node is gone:\n.*(Connection refused|No such file)"
            ):
                node.start()
        finally:
            server.start()


@pytest.mark.parametrize(("revision", "said"), [("0001", "trunkline migrate"), ("9999", "a newer program")])
def test_another_schema_is_refused(
    tmp_path: Path, server: Cluster, database: str, revision: str, said: str
) -> None:
    with closing(Node(tmp_path / "node", database=database)) as node:
        node.init()
        server.execute(f"UPDATE alembic_version SET version_num = '{revision}'", "calls")
        with pytest.raises(AssertionError, match=f"(?s)the node is gone:.*{said}"):
            node.start()


def test_a_way_that_swallows_everything_is_noticed(
    tmp_path: Path, server: Cluster, database: str, phones: Phones
) -> None:
    """Connections are taken, and nothing is ever said over them: a network that lost its other half."""
    with way(server.port) as to_server:
        url = server.url("calls", tcp=True, patient=False).replace(f":{server.port}/", f":{to_server.port}/")
        with closing(Node(tmp_path / "node", database=url)) as node:
            node.init()
            prepare(node)
            node.start()
            carrier = phones.carrier(calls=2)
            place(phones, node)
            closed(node, 1)
            to_server.cut()
            place(phones, node)
            wait_for("the journal", journal(node).exists, within_s=PATIENCE_S)
            to_server.mend()
            closed(node, 2)
            carrier.done()
