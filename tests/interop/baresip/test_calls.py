"""baresip as a customer's phone, outbound and inbound, SIPp as the carrier."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.interop.addresses import free_port, wait_for
from tests.interop.baresip.program import Baresip
from tests.interop.conftest import Speak, Start
from tests.interop.node import DOMAIN, HOST, KEY, SECRET, Node, running_node
from tests.interop.sipp.scenario import Callee, sdp

PHONE = "127.0.0.40"
CARRIER = "127.0.0.20"
PORT = free_port(CARRIER)
NUMBER = "12125550200"

Phone = Callable[..., Baresip]


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    with running_node(tmp_path_factory.mktemp("baresip") / "node") as node:
        node.command("carrier", "add", "main", "--gateway", f"sip:{CARRIER}:{PORT}")
        node.command("route", "add", "44", "--carrier", "main")
        node.command("number", "add", NUMBER, "--account", KEY, "--forward", f"sip:{KEY}@{DOMAIN}")
        yield node


@pytest.fixture
def phone(tmp_path: Path, node: Node) -> Iterator[Phone]:
    """`phone(transport="tcp")` is a registered softphone that says 440 Hz."""
    started: list[Baresip] = []

    def start(*, transport: str = "udp", host: str = PHONE, answer: str = "auto", extra: str = "") -> Baresip:
        made = Baresip(tmp_path / f"phone{len(started)}", host=host, frequency=440)
        started.append(made)
        port = node.tls_port if transport == "tls" else node.port
        made.start(
            f"<sip:{KEY}@{DOMAIN}>;auth_user={KEY};auth_pass={SECRET};regint=600;answermode={answer}"
            f';outbound="sip:{HOST}:{port};transport={transport}";audio_codecs=PCMU,PCMA;dtmfmode=rtpevent{extra}'
        )
        made.event("REGISTER_OK")
        return made

    yield start
    for item in started:
        item.close()


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
def test_outbound_audio_both_ways(
    node: Node, phone: Phone, sipp: Start, voice: Speak, transport: str
) -> None:
    ear = voice(1000, CARRIER)
    callee = Callee(body=sdp(ear))
    callee.invited()
    callee.ring()
    callee.accept()
    callee.hung_up()
    carrier = sipp(callee, host=CARRIER, port=PORT)
    caller = phone(transport=transport)
    caller.command("dial", f"sip:442071838750@{DOMAIN}")
    invite = carrier.received("INVITE")
    caller.event("CALL_ESTABLISHED")
    assert invite.audio is not None
    ear.talk_to(*invite.audio)
    wait_for("the callee to hear baresip", lambda: ear.hears(440), within_s=4)
    wait_for("baresip to hear the callee", lambda: caller.hears(1000), within_s=4)
    caller.command("hangup")
    carrier.done()
