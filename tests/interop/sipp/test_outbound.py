"""Calls from customers to carriers: SIPp on both sides."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.addresses import free_port, wait_for
from tests.interop.node import HOST, KEY, SECRET, Node, running_node
from tests.interop.sipp.conftest import Speak, Start
from tests.interop.sipp.scenario import Callee, Caller, sdp

PBX = "127.0.0.10"
CARRIER = "127.0.0.20"


@pytest.fixture(scope="module")
def carrier_port() -> int:
    return free_port(CARRIER)


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory, carrier_port: int) -> Iterator[Node]:
    directory: Path = tmp_path_factory.mktemp("outbound") / "node"
    with running_node(directory) as node:
        node.command("carrier", "add", "main", "--gateway", f"sip:{CARRIER}:{carrier_port}")
        node.command("route", "add", "44", "--carrier", "main")
        yield node


def test_audio_crosses_both_ways_and_the_record_says_so(
    node: Node, carrier_port: int, sipp: Start, voice: Speak
) -> None:
    mouth, ear = voice(440, PBX), voice(1000, CARRIER)
    callee = Callee(body=sdp(ear))
    callee.invited()
    callee.ring()
    callee.accept()
    callee.hung_up()
    carrier = sipp(callee, host=CARRIER, port=carrier_port)
    caller = Caller("+442071838750", body=sdp(mouth))
    caller.invite_with_credentials()
    caller.answered()
    caller.pause(1500)
    caller.bye()
    pbx = sipp(caller, host=PBX, to=(HOST, node.port), user=KEY, password=SECRET)

    there = carrier.received("INVITE").audio
    here = pbx.received("SIP/2.0 200").audio
    assert there is not None
    assert here is not None
    mouth.talk_to(*here)
    ear.talk_to(*there)
    wait_for("the callee to hear the caller", lambda: ear.hears(440), within_s=3)
    wait_for("the caller to hear the callee", lambda: mouth.hears(1000), within_s=3)
    pbx.done()
    carrier.done()

    record = node.record(pbx.call_id)
    assert record["direction"] == "outbound"
    assert record["called"] == "442071838750"
    assert record["verdict"] == "answered"
    assert record["hung_up_by"] == "caller"
