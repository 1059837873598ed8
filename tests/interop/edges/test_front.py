"""Kamailio in front of two nodes, with what `trunkline kamailio` writes: one address, and calls that stay
where they are while nodes come and go.
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.interop.addresses import free_port, listens
from tests.interop.audio import Voice
from tests.interop.baresip.program import Baresip
from tests.interop.conftest import Speak, Start
from tests.interop.edges.cluster import nodes_of, soon
from tests.interop.kamailio.program import run
from tests.interop.node import DOMAIN, KEY, SECRET, Node
from tests.interop.sipp.program import Sipp
from tests.interop.sipp.scenario import Callee, Caller, Registration, sdp
from tests.postgres import Cluster
from tests.processes import end

PBX, CARRIER, FRONT = "127.0.0.33", "127.0.0.34", "127.0.0.36"
PORT = free_port(CARRIER)
PHONE_PORT = free_port(PBX)
FAR, NUMBER = "442071838750", "12125550200"


@dataclass
class Setup:
    """Two nodes, and the front's ports."""

    nodes: list[Node]
    port: int
    tls_port: int

    @property
    def one(self) -> Node:
        return self.nodes[0]

    def named(self, name: str) -> Node:
        return next(node for node in self.nodes if node.directory.name == name)

    def other(self, name: str) -> Node:
        return next(node for node in self.nodes if node.directory.name != name)

    def open_call(self, seen: set[str]) -> dict[str, Any]:
        """The record of the call that is up and was not seen before."""

        def look() -> dict[str, Any] | None:
            rows = self.one.command("calls", "--limit", "50")
            return next((row for row in rows if row["call_id"] not in seen), None)

        row = soon("the call's record", look, every_s=0.1)
        card: dict[str, Any] = self.one.command("calls", row["call_id"])
        return card


@pytest.fixture
def setup(tmp_path: Path, cluster: Cluster) -> Iterator[Setup]:
    port, tls_port = free_port(FRONT), free_port(FRONT)
    hosts = {"one": ("us", "127.0.0.31"), "two": ("us", "127.0.0.32")}
    with nodes_of(tmp_path / "nodes", cluster, hosts, {"sip.fronts": [FRONT]}) as nodes:
        one = nodes[0]
        one.command("carrier", "add", "main", "--gateway", f"sip:{CARRIER}:{PORT}", "--source", CARRIER)
        one.command("route", "add", "44", "--carrier", "main")
        one.command("number", "add", NUMBER, "--account", KEY, "--forward", f"sip:{KEY}@{DOMAIN}")
        for node in nodes:
            node.start()
        folder = tmp_path / "front"
        places = {"udp": port, "tcp": port, "tls": tls_port}
        listen = [word for each, at in places.items() for word in ("--listen", f"{each}:{FRONT}:{at}")]
        one.run("kamailio", *listen, "--out", str(folder))
        for name, of_the_node in (("cert.pem", "tls-certificate.pem"), ("key.pem", "tls-key.pem")):
            shutil.copy(one.directory / of_the_node, folder / name)
        output = tmp_path / "front.output"
        process = run(folder / "kamailio.cfg", output)
        try:
            soon("kamailio", lambda: process.poll() is not None or listens(FRONT, port, "udp"))
            assert process.poll() is None, output.read_text(errors="replace")
            yield Setup(nodes, port, tls_port)
        finally:
            end(process)


class Calling:
    """Calls from the PBX through the front to the carrier."""

    def __init__(self, setup: Setup, sipp: Start, voice: Speak) -> None:
        self._setup = setup
        self._sipp = sipp
        self.near: Voice = voice(440, PBX)
        self.far: Voice = voice(1000, CARRIER)
        self.seen: set[str] = set()

    def expect(self, calls: int = 1) -> Sipp:
        """The carrier takes so many calls."""
        callee = Callee(body=sdp(self.far))
        callee.invited()  # and doesn't ring: of the front's processes one may overtake another
        callee.accept()
        callee.hung_up()
        return self._sipp(callee, host=CARRIER, port=PORT, calls=calls, within_s=90)

    def dial(self, *, headers: tuple[str, ...] = (), stay: bool = False, transport: str = "u1") -> Sipp:
        """One call: up until it is told, or over at once."""
        caller = Caller(FAR, body=sdp(self.near), headers=headers)
        caller.invite_with_credentials()
        caller.answered()
        if stay:
            caller.until_told()
            caller.in_dialog("INVITE", body=sdp(self.near))
            caller.answered()
        caller.bye()
        to = (FRONT, self._setup.port)
        return self._sipp(
            caller, host=PBX, to=to, user=KEY, password=SECRET, transport=transport, within_s=60
        )

    def record(self) -> dict[str, Any]:
        """Of the newest call."""
        card = self._setup.open_call(self.seen)
        self.seen.add(card["call_id"])
        return card

    def closed(self, call_id: str) -> dict[str, Any]:
        return soon("its record to be closed", lambda: self._setup.one.closed(call_id), every_s=0.1)


@pytest.fixture
def calling(setup: Setup, sipp: Start, voice: Speak) -> Calling:
    return Calling(setup, sipp, voice)


def test_a_call_stays_on_its_node_while_that_is_drained_and_new_ones_go_to_the_other(
    setup: Setup, calling: Calling
) -> None:
    carrier = calling.expect(calls=4)
    first = calling.dial(stay=True)
    there, here = carrier.received("INVITE").audio, first.answer().audio
    assert there is not None
    assert here is not None
    calling.near.talk_to(*here)
    calling.far.talk_to(*there)
    soon("the carrier to hear the PBX", lambda: calling.far.hears(440))
    soon("the PBX to hear the carrier", lambda: calling.near.hears(1000))
    card = calling.record()
    assert card["source"] == f"UDP {PBX}:{first.port}"
    busy, free = card["node"], setup.other(card["node"])

    free.run("node", "drain", busy)
    soon("the drain", lambda: free.command("node", "list") and _draining(setup.named(busy)))
    for _ in range(3):
        calling.dial().done()
        assert calling.record()["node"] == free.directory.name

    first.tell()
    first.done()
    ended = calling.closed(card["call_id"])
    assert (ended["node"], ended["verdict"], ended["hung_up_by"]) == (busy, "answered", "caller")
    carrier.done()
    free.run("node", "return", busy)
    soon("calls to be taken again", lambda: not _draining(setup.named(busy)))


def _draining(node: Node) -> bool:
    return bool(node.command("status")["draining"])


def test_a_killed_node_gets_no_calls_and_none_is_lost(setup: Setup, calling: Calling) -> None:
    setup.named("one").kill()
    carrier = calling.expect(calls=6)
    for _ in range(6):
        calling.dial().done()
        assert calling.record()["node"] == "two"
    carrier.done()


def test_nobody_but_the_front_says_where_a_call_came_from(
    setup: Setup, calling: Calling, sipp: Start
) -> None:
    forged = "X-Trunkline-Source: udp 192.0.2.66 5060"
    carrier = calling.expect(calls=2)
    through = calling.dial(headers=(forged,))
    through.done()
    assert calling.record()["source"] == f"UDP {PBX}:{through.port}"

    caller = Caller(FAR, body=sdp(calling.near), headers=(forged,))
    caller.invite_with_credentials()
    caller.answered()
    caller.bye()
    node = setup.one
    direct = sipp(caller, host=PBX, to=(node.host, node.port), user=KEY, password=SECRET)
    direct.done()
    assert calling.record()["source"] == f"UDP {PBX}:{direct.port}"
    carrier.done()
    for message in carrier.messages:
        assert "X-Trunkline" not in message.text


def test_a_wrong_password_is_the_true_sources(setup: Setup, calling: Calling, sipp: Start) -> None:
    caller = Caller(FAR, body=sdp(calling.near))
    caller.invite_with_credentials()
    caller.response(100, optional=True)
    caller.response(407)
    caller.ack_refusal()
    phone = sipp(caller, host=PBX, to=(FRONT, setup.port), user=KEY, password="guessed")
    phone.done()
    said = [found["said"] for node in setup.nodes for found in node.findings(KEY).values()]
    assert [text for text in said if f"UDP {PBX}:{phone.port} sent a wrong password" in text], said


def test_a_call_over_tcp(setup: Setup, calling: Calling) -> None:
    carrier = calling.expect()
    phone = calling.dial(transport="t1")
    phone.done()
    assert calling.record()["source"] == f"TCP {PBX}:{phone.port}"
    carrier.done()


def test_a_device_that_registered_through_the_front_is_called_through_it(
    setup: Setup, calling: Calling, sipp: Start
) -> None:
    registration = Registration(KEY, ["<sip:phone@192.0.2.99:5062>"], 600)  # as from behind NAT
    to = (FRONT, setup.port)
    phone = sipp(registration, host=PBX, port=PHONE_PORT, to=to, user=KEY, password=SECRET)
    phone.done()
    assert f"<sip:{FRONT}:{setup.port};lr" in (phone.received("SIP/2.0 200").header("Path") or "")
    [(node, binding)] = [
        (node, binding) for node in setup.nodes for binding in node.command("registration", "list")
    ]
    assert binding["source"] == f"UDP {PBX}:{PHONE_PORT}"

    callee = Callee(body=sdp(calling.near))
    callee.invited()
    callee.accept()
    callee.hung_up()
    called = sipp(callee, host=PBX, port=PHONE_PORT)
    caller = Caller(NUMBER, caller=FAR, body=sdp(calling.far))
    caller.invite()
    caller.answered()
    caller.bye()
    carrier = sipp(caller, host=CARRIER, to=(node.host, node.port))
    carrier.done()
    called.done()
    invite = called.received("INVITE")
    assert f"SIP/2.0/UDP {FRONT}:{setup.port}" in (invite.header("Via") or "")
    assert f"sip:{FRONT}:{setup.port}" in (invite.header("Record-Route") or "")


def test_a_phone_that_registered_over_tls_is_called_over_its_connection_and_may_hang_up(
    setup: Setup, calling: Calling, sipp: Start, tmp_path: Path
) -> None:
    phone = Baresip(tmp_path / "phone", host=PBX, frequency=440)
    try:
        phone.start(
            f"<sip:{KEY}@{DOMAIN}>;auth_user={KEY};auth_pass={SECRET};regint=600;answermode=auto"
            f';outbound="sip:{FRONT}:{setup.tls_port};transport=tls";audio_codecs=PCMU'
        )
        phone.registered()
        [(node, binding)] = [
            (node, binding) for node in setup.nodes for binding in node.command("registration", "list")
        ]
        assert binding["source"].startswith("TLS 127.0.0.1:")
        caller = Caller(NUMBER, caller=FAR, body=sdp(calling.far))
        caller.invite()
        caller.answered()
        caller.hung_up()
        carrier = sipp(caller, host=CARRIER, to=(node.host, node.port))
        calling.far.talk_to(*carrier.remote_audio())
        soon("the phone to hear the carrier", lambda: phone.hears(1000))
        soon("the carrier to hear the phone", lambda: calling.far.hears(440))
        assert f"Via: SIP/2.0/UDP {node.host}:{node.port}" in phone.output(), "to the front, whatever follows"
        phone.command("hangup")
        carrier.done()
        card = calling.closed(calling.record()["call_id"])
        assert (card["verdict"], card["hung_up_by"]) == ("answered", "callee")
    finally:
        phone.close()
