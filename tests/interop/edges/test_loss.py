"""A node that is killed: its records are closed by a survivor, truthfully and once; and a challenge made by
one node is answered at another.
"""

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.interop.addresses import free_port
from tests.interop.conftest import Speak, Start
from tests.interop.edges.cluster import await_standing, listed, nodes_of, soon
from tests.interop.node import DOMAIN, KEY, SECRET, Node
from tests.interop.sipp.program import Message
from tests.interop.sipp.scenario import Callee, Caller, sdp
from tests.postgres import Cluster
from trunkline.sip.digest import answer_challenge

PBX, CARRIER = "127.0.0.33", "127.0.0.34"
PORT = free_port(CARRIER)
FAR = "442071838750"
CLOSED = "node one is lost; closed 1 calls that it had open"


@pytest.fixture
def nodes(tmp_path: Path, cluster: Cluster) -> Iterator[list[Node]]:
    hosts = {"one": ("us", "127.0.0.31"), "two": ("us", "127.0.0.32"), "three": ("eu", "127.0.0.35")}
    with nodes_of(tmp_path / "nodes", cluster, hosts) as made:
        made[0].command("carrier", "add", "main", "--gateway", f"sip:{CARRIER}:{PORT}")
        made[0].command("route", "add", "44", "--carrier", "main")
        for node in made:
            node.start()
        yield made


def records(node: Node) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = node.command("calls", "--limit", "20")
    return found


def test_a_survivor_closes_the_records_of_a_killed_node_once(
    nodes: list[Node], sipp: Start, voice: Speak
) -> None:
    one, two, three = nodes
    callee = Callee(body=sdp(voice(1000, CARRIER)))
    callee.invited()
    callee.accept()
    callee.until_told()
    carrier = sipp(callee, host=CARRIER, port=PORT)
    caller = Caller(FAR, body=sdp(voice(440, PBX)))
    caller.invite_with_credentials()
    caller.answered()
    caller.until_told()
    phone = sipp(caller, host=PBX, to=(one.host, one.port), user=KEY, password=SECRET)
    carrier.received("ACK")
    [row] = soon("the record to be written", lambda: records(two))
    call_id = row["call_id"]
    assert two.command("calls", call_id)["state"] == "open"
    soon("the others to hear of the call", lambda: listed(two, "one")["calls"] == 1)

    one.kill()
    await_standing(two, "one", "lost")
    card = soon("a survivor to close the record", lambda: two.closed(call_id))
    assert (card["state"], card["verdict"], card["hung_up_by"]) == ("recovered", "crashed", "service")
    assert "ode one was lost; closed by t" in card["why"]
    attempt = card["attempt_records"][0]
    assert attempt["verdict"] == "crashed"
    closers = soon("it to say so", lambda: [node for node in (two, three) if node.logged(CLOSED)])

    one.start()
    await_standing(two, "one", "up")
    assert [each["call_id"] for each in records(one)] == [call_id]
    assert one.command("calls", call_id)["state"] == "recovered"
    assert [node for node in (two, three) if node.logged(CLOSED)] == closers, "one alone"
    assert len(closers) == 1
    phone.close()
    carrier.close()


def test_a_node_that_was_only_cut_off_writes_how_its_call_really_ended(
    nodes: list[Node], sipp: Start, voice: Speak
) -> None:
    """It is frozen for longer than a node may be silent, as in a partition, and goes on."""
    one, two, _ = nodes
    callee = Callee(body=sdp(voice(1000, CARRIER)))
    callee.invited()
    callee.accept()
    callee.hung_up()
    carrier = sipp(callee, host=CARRIER, port=PORT, within_s=90)
    caller = Caller(FAR, body=sdp(voice(440, PBX)))
    caller.invite_with_credentials()
    caller.answered()
    caller.until_told()
    caller.bye()
    to = (one.host, one.port)
    phone = sipp(caller, host=PBX, to=to, user=KEY, password=SECRET, within_s=90)
    carrier.received("ACK")
    [row] = soon("the record to be written", lambda: records(two))
    call_id = row["call_id"]
    soon("the others to hear of the call", lambda: listed(two, "one")["calls"] == 1)

    one.signal(signal.SIGSTOP)
    await_standing(two, "one", "lost")
    assert soon("the record to be closed", lambda: two.closed(call_id))["state"] == "recovered"
    one.signal(signal.SIGCONT)
    await_standing(two, "one", "up")
    soon("the record to be open again", lambda: two.closed(call_id) is None)

    phone.tell()
    phone.done()
    carrier.done()
    ended = soon("the record to be closed", lambda: two.closed(call_id))
    assert (ended["state"], ended["verdict"], ended["hung_up_by"]) == ("closed", "answered", "caller")
    assert ended["attempt_records"][0]["verdict"] == "answered"
    assert [each["call_id"] for each in records(two)] == [call_id]


def test_a_challenge_of_one_node_is_answered_at_another(nodes: list[Node]) -> None:
    one, two, _ = nodes
    challenge = asked(one, register(1)).header("WWW-Authenticate")
    assert challenge is not None
    assert asked(two, register(2, challenge)).status == 200
    forged = challenge.replace('nonce="', 'nonce="f')
    assert asked(two, register(3, forged)).status == 401


def register(cseq: int, challenge: str | None = None) -> str:
    """A REGISTER that asks for the bindings, and answers the challenge."""
    uri = f"sip:{DOMAIN}"
    answer = None if challenge is None else answer_challenge(challenge, "REGISTER", uri, KEY, SECRET, "c", 1)
    lines = [
        f"REGISTER {uri} SIP/2.0",
        f"Via: SIP/2.0/UDP {PBX}:5060;rport;branch=z9hG4bK-{cseq}",
        f"From: <sip:{KEY}@{DOMAIN}>;tag=1",
        f"To: <sip:{KEY}@{DOMAIN}>",
        f"Call-ID: cross@{PBX}",
        f"CSeq: {cseq} REGISTER",
        *([] if answer is None else [f"Authorization: {answer}"]),
        "Content-Length: 0",
    ]
    return "\r\n".join([*lines, "", ""])


def asked(node: Node, request: str) -> Message:
    """The node's answer."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        phone.bind((PBX, 0))
        phone.settimeout(60)
        phone.sendto(request.encode(), (node.host, node.port))
        return Message(False, phone.recv(65535).decode())


def test_a_name_that_another_node_has_is_refused_with_what_to_do(nodes: list[Node]) -> None:
    one, _, three = nodes
    three.signal(signal.SIGTERM)
    assert three.wait(30) == 0
    three.set({"node.name": "one"})
    command = [sys.executable, "-m", "trunkline.cli", "--config", str(three.settings_file), "serve"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == 1
    assert "another node runs under the name 'one'" in done.stderr
    assert "give one of the two another node.name" in done.stderr
    assert listed(one, "one")["standing"] == "up"
