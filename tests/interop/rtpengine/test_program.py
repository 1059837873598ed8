"""`trunkline serve` with two rtpengines, one in its region: audio, figures, hold, failover of carriers and of
rtpengines.
"""

import re
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.contract.media.rtpengine_daemon import RtpengineDaemon
from tests.interop.addresses import free_port, pbx_media_ports, taken_ports, wait_for
from tests.interop.conftest import Speak, Start
from tests.interop.node import HOST, KEY, SECRET, Node, running_node
from tests.interop.sipp.scenario import Callee, Caller, sdp

PBX, CARRIER = "127.0.0.10", "127.0.0.20"
GOOD, REFUSING = free_port(CARRIER), free_port(CARRIER)


@pytest.fixture(scope="module")
def daemons(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[RtpengineDaemon]]:
    directory = tmp_path_factory.mktemp("rtpengines")
    with ExitStack() as ends:
        started = []
        for _ in range(2):
            started.append(RtpengineDaemon(directory))
            ends.callback(started[-1].stop)
        yield started


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory, daemons: list[RtpengineDaemon]) -> Iterator[Node]:
    first, last = pbx_media_ports()  # where no rtpengine has its ports
    settings = {
        "node.region": "eu",
        "media.port_min": first,
        "media.port_max": last,
        "media.engine": "rtpengine",
        "media.rtpengine": [
            f"udp:{daemons[0].host}:{daemons[0].ng_port};region=eu",
            f"tcp:{daemons[1].host}:{daemons[1].tcp_port};region=us",
        ],
        "media.rtpengine_ready": 4,
    }
    with running_node(tmp_path_factory.mktemp("rtpengine") / "node", settings) as node:
        node.media_ports = first, last
        gateways = [part for port in (REFUSING, GOOD) for part in ("--gateway", f"sip:{CARRIER}:{port}")]
        node.command("carrier", "add", "walk", *gateways)
        node.command("carrier", "add", "main", "--gateway", f"sip:{CARRIER}:{GOOD}")
        node.command("route", "add", "33", "--carrier", "walk")
        node.command("route", "add", "44", "--carrier", "main")
        yield node


def instances(node: Node) -> list[str]:
    """What `trunkline status` says of them."""
    found: list[str] = node.command("status")["media_instances"]
    return found


def talk(
    node: Node,
    sipp: Start,
    voice: Speak,
    called: str,
    *,
    through: RtpengineDaemon,
    first_refuses: bool = False,
) -> str:
    """A call in which both hear each other, before and after a hold, by way of one rtpengine; its Call-ID."""
    mouth, ear = voice(440, PBX), voice(1000, CARRIER)
    if first_refuses:
        refusing = Callee()
        refusing.invited()
        refusing.refuse(503, "Service Unavailable")
        sipp(refusing, host=CARRIER, port=REFUSING)
    callee = Callee(body=sdp(ear, formats="0 101"))
    callee.invited()
    callee.ring()
    callee.accept()
    callee.request("INVITE")
    callee.agree(sdp(ear, formats="0 101", direction="recvonly", version=2))
    callee.hung_up()
    carrier = sipp(callee, host=CARRIER, port=GOOD)
    caller = Caller(called, body=sdp(mouth))
    caller.invite_with_credentials()
    caller.answered()
    caller.until_told()
    caller.in_dialog("INVITE", body=sdp(mouth, direction="sendonly", version=2))
    caller.provisional()
    caller.response(200)
    caller.ack()
    caller.until_told()
    caller.bye()
    phone = sipp(caller, host=PBX, to=(HOST, node.port), user=KEY, password=SECRET)
    there, here = carrier.received("INVITE").audio, phone.answer().audio
    assert there is not None
    assert here is not None
    assert all(through.first <= port <= through.last for _, port in (there, here))
    mouth.talk_to(*here)
    ear.talk_to(*there)
    wait_for("the callee to hear the caller", lambda: ear.hears(440))
    wait_for("the caller to hear the callee", lambda: mouth.hears(1000))
    wait_for("more than a second of audio", lambda: min(len(ear.heard), len(mouth.heard)) > 60)
    phone.tell()
    wait_for(
        "the hold",
        lambda: len({one.header("CSeq") for one in carrier.messages if one.text.startswith("ACK ")}) == 2,
    )
    wait_for("silence for the caller", mouth.hears_nothing)
    ear.heard.clear()
    wait_for("music on hold", lambda: ear.hears(440))
    phone.tell()
    phone.done()
    carrier.done()
    return phone.call_id


def check_figures(record: dict[str, str]) -> None:
    for side in ("caller_media", "callee_media"):
        packets = re.match(r"PCMU, (\d+) in, (\d+) out, 0 lost", record[side])
        assert packets is not None, record[side]
        assert min(int(packets[1]), int(packets[2])) > 50, record[side]


def test_audio_hold_and_figures(
    node: Node, daemons: list[RtpengineDaemon], sipp: Start, voice: Speak
) -> None:
    assert [line.split(" ")[1:3] for line in instances(node)] == [["(eu)", "up,"], ["(us)", "up,"]]
    check_figures(node.record(talk(node, sipp, voice, "442071838750", through=daemons[0])))
    first, last = node.media_ports
    assert taken_ports(HOST, "udp").isdisjoint(range(first, last + 1)), "it has no media of its own"


def test_the_second_gateway_is_heard_when_the_first_refuses(
    node: Node, daemons: list[RtpengineDaemon], sipp: Start, voice: Speak
) -> None:
    call_id = talk(node, sipp, voice, "33140205050", through=daemons[0], first_refuses=True)
    record = node.record(call_id)
    assert record["attempts"] == 2
    check_figures(record)


def test_calls_go_on_in_another_region_while_their_own_has_no_rtpengine(
    node: Node, daemons: list[RtpengineDaemon], sipp: Start, voice: Speak
) -> None:
    daemons[0].stop()
    wait_for("the loss to be seen", lambda: " down: " in instances(node)[0])
    check_figures(node.record(talk(node, sipp, voice, "442071838751", through=daemons[1])))
    daemons[0].start()
    wait_for("its return", lambda: " up, " in instances(node)[0])
    check_figures(node.record(talk(node, sipp, voice, "442071838752", through=daemons[0])))


def test_the_doctor_looks_at_both(node: Node, daemons: list[RtpengineDaemon]) -> None:
    found = {row["about"]: row["state"] for row in node.command("doctor")}
    assert found[f"rtpengine udp:{daemons[0].host}:{daemons[0].ng_port}"] == "fine"
    assert found[f"rtpengine tcp:{daemons[1].host}:{daemons[1].tcp_port}"] == "fine"
    assert found["digits"] == "warning"
