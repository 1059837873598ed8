"""Calls from a carrier, known by its address, to the forwarding list of a number: SIPp on both sides."""

import socket
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.interop.addresses import free_port, wait_for
from tests.interop.cases import Case, Program
from tests.interop.conftest import Speak, Start
from tests.interop.names import name_server
from tests.interop.node import DOMAIN, HOST, KEY, Node, running_node
from tests.interop.sipp.program import Sipp
from tests.interop.sipp.scenario import Callee, Caller, sdp, silent_sdp

pytestmark = pytest.mark.program(Program.SIPP)

CARRIER = "127.0.0.20"
STRANGER = "127.0.0.21"
PBX = "127.0.0.30"
PORTS = {
    name: free_port(PBX)
    for name in ("good", "spare", "dead", "silent", "plain", "failing", "final", "late", "tcp", "srv", "busy")
}
NO_AUDIO = silent_sdp("127.0.0.20")
BUSY, BUSY_NUMBER, BUSY_NUMBER_2 = "busy", "12125550210", "12125550211"
"""An account whose numbers take two calls at a time."""

ZONE = {
    ("pbx.test.", "SRV"): "0 0 5060 pbx.test.",
    ("_sip._udp.pbx.test.", "SRV"): f"0 0 {PORTS['srv']} host.pbx.test.",
    ("host.pbx.test.", "A"): PBX,
}
NUMBERS = {
    "12125550200": f"sip:100@{PBX}:{PORTS['good']};timeout=3000",
    "12125550201": ", ".join(
        [
            f"sip:100@{PBX}:{PORTS['dead']}",
            "sip:100@nowhere.test",
            f"sips:100@{PBX}:{PORTS['plain']}",
            f"sip:100@{PBX}:{PORTS['dead']};transport=tcp",
            f"sip:100@{PBX}:{PORTS['silent']};timeout=2000",
            f"sip:100@{PBX}:{PORTS['failing']}",
            f"sip:100@{PBX}:{PORTS['good']}",
        ]
    ),
    "12125550202": f"sip:100@{PBX}:{PORTS['late']};timeout=2000",
    "12125550203": f"sip:100@{PBX}:{PORTS['final']}, sip:100@{PBX}:{PORTS['spare']}",
    "12125550204": f"sip:100@{PBX}:{PORTS['dead']}, sip:100@{PBX}:{PORTS['failing']}",
    "12125550205": f"sip:100@{PBX}:{PORTS['tcp']};transport=tcp",
    "12125550206": "100@pbx.test",
    "12125550207": "",
}


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    directory = tmp_path_factory.mktemp("inbound") / "node"
    with name_server(ZONE) as dns_port:
        settings = {
            "dns.nameservers": [HOST],
            "dns.port": dns_port,
            "forwarding.ring_timeout_s": 2.0,
        }
        with running_node(directory, settings) as node:
            node.command("carrier", "add", "main", "--source", CARRIER)
            for number, forward in NUMBERS.items():
                node.command("number", "add", number, "--account", KEY, "--forward", forward)
            node.command("account", "add", "--key", BUSY)
            node.command("account", "limit", BUSY, "--inbound", "2")
            for number in (BUSY_NUMBER, BUSY_NUMBER_2):
                to = f"sip:100@{PBX}:{PORTS['busy']}"
                node.command("number", "add", number, "--account", BUSY, "--forward", to)
            yield node


class Carrier:
    """The carrier in front of the node, the customer's PBX behind it."""

    def __init__(self, node: Node, sipp: Start) -> None:
        self._node = node
        self._sipp = sipp

    def calls(self, caller: Caller, host: str = CARRIER, **options: object) -> Sipp:
        """Play `caller` at the carrier."""
        return self._sipp(caller, host=host, to=(HOST, self._node.port), **options)

    def pbx(self, callee: Callee, name: str, **options: object) -> Sipp:
        """Play `callee` at an endpoint."""
        return self._sipp(callee, host=PBX, port=PORTS[name], **options)


@pytest.fixture
def carrier(node: Node, sipp: Start) -> Carrier:
    return Carrier(node, sipp)


def _call(number: str) -> Caller:
    caller = Caller(number, caller="442071838750", body=NO_AUDIO)
    caller.invite()
    caller.answered()
    caller.pause(100)
    caller.bye()
    return caller


def _refused(number: str, status: int) -> Caller:
    caller = Caller(number, caller="442071838750", body=NO_AUDIO)
    caller.invite()
    caller.refused(status)
    return caller


def _refusing(status: int, reason: str, *headers: str) -> Callee:
    callee = Callee()
    callee.invited()
    callee.refuse(status, reason, headers)
    return callee


@pytest.mark.case(Case.IN_ENDED_BY_CALLER)
def test_audio_crosses_and_the_pbx_sees_what_it_expects(node: Node, carrier: Carrier, voice: Speak) -> None:
    mouth, ear = voice(440, CARRIER), voice(1000, PBX)
    callee = Callee(body=sdp(ear))
    callee.invited()
    callee.ring()
    callee.accept()
    callee.hung_up()
    pbx = carrier.pbx(callee, "good")
    caller = Caller("+12125550200", caller="+442071838750", body=sdp(mouth))
    caller.invite()
    caller.answered()
    caller.until_told()
    caller.bye()
    phone = carrier.calls(caller)
    invite = pbx.received("INVITE")
    there, here = invite.audio, phone.answer().audio
    assert there is not None
    assert here is not None
    mouth.talk_to(*here)
    ear.talk_to(*there)
    wait_for("the PBX to hear the caller", lambda: ear.hears(440))
    wait_for("the caller to hear the PBX", lambda: mouth.hears(1000))
    phone.tell()
    phone.done()
    pbx.done()

    assert invite.start_line == f"INVITE sip:100@{PBX}:{PORTS['good']} SIP/2.0"
    assert f"<sip:+442071838750@{DOMAIN}>" in (invite.header("From") or "")
    assert invite.header("To") == f"<sip:12125550200@{DOMAIN}>"
    assert (invite.header("Via") or "").startswith(f"SIP/2.0/UDP {HOST}:{node.port};")
    record = node.record(phone.call_id)
    assert record["direction"] == "inbound"
    assert (record["account"], record["carrier"], record["number"]) == (KEY, "main", "12125550200")
    assert (record["verdict"], record["hung_up_by"]) == ("answered", "caller")


def test_every_failure_moves_on_and_leaves_its_record(node: Node, carrier: Carrier) -> None:
    pbx = carrier.pbx(Callee.answering(NO_AUDIO), "good")
    failing = carrier.pbx(_refusing(500, "Server Internal Error"), "failing")
    silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    plain = socket.create_server((PBX, PORTS["plain"]))
    with closing(silent), closing(plain):
        silent.bind((PBX, PORTS["silent"]))
        phone = carrier.calls(_call("12125550201"))
        connection, _ = plain.accept()
        with closing(connection):
            connection.sendall(b"SIP speaks no TLS here\r\n")
            phone.done()
        unheard = silent.recv(4096).decode()
    failing.done()
    pbx.done()

    record = node.record(phone.call_id)
    attempts = record["attempt_records"]
    assert [attempt["verdict"] for attempt in attempts] == [
        "unreachable",
        "name-not-found",
        "tls-failed",
        "unreachable",
        "endpoint-silent",
        "server-failure",
        "answered",
    ]
    assert attempts[5]["status"] == 500
    assert attempts[6]["resolved"] == f"UDP {PBX}:{PORTS['good']}"
    assert (record["verdict"], record["attempts"]) == ("answered", 7)
    assert "timeout" not in unheard
    origins = {line for line in (unheard + pbx.received("INVITE").text).splitlines() if line[:2] == "o="}
    assert len(origins) == 2


def test_silence_ends_in_486_and_a_late_answer_in_ack_and_bye(node: Node, carrier: Carrier) -> None:
    late = Callee(body=NO_AUDIO)
    late.invited()
    late.pause(2600)
    late.answer(200, "OK", body=NO_AUDIO, repeat=True)
    late.request("INVITE", optional=True)
    late.request("ACK")
    late.hung_up()
    pbx = carrier.pbx(late, "late")
    phone = carrier.calls(_refused("12125550202", 486))
    phone.done()
    pbx.done()
    answer = phone.received("SIP/2.0 486")
    assert (answer.header("Reason") or "").startswith("SIP;cause=408")
    record = node.record(phone.call_id)
    assert (record["status"], record["verdict"]) == (486, "all-silent")
    assert [attempt["verdict"] for attempt in record["attempt_records"]] == ["endpoint-silent"]


@pytest.mark.case(Case.NO_ANSWER)
def test_an_endpoint_that_only_rings_ends_the_call(node: Node, carrier: Carrier) -> None:
    ringing = Callee()
    ringing.invited()
    ringing.ring()
    ringing.cancelled()
    pbx = carrier.pbx(ringing, "final")
    phone = carrier.calls(_refused("12125550203", 486))
    phone.done()
    pbx.done()
    assert (phone.received("SIP/2.0 486").header("Reason") or "").startswith("SIP;cause=408")
    record = node.record(phone.call_id)
    assert (record["verdict"], record["attempts"]) == ("no-answer", 1)


FINAL = {
    302: (302, "Moved Temporarily", "redirected"),
    401: (403, "Unauthorized", "challenged"),
    404: (404, "Not Found", "not-found"),
    486: (486, "Busy Here", "busy"),
    603: (603, "Decline", "declined"),
}


@pytest.mark.case(Case.IN_BUSY)
@pytest.mark.case(Case.IN_DECLINED)
@pytest.mark.parametrize("status", FINAL)
def test_other_finals_are_relayed(node: Node, carrier: Carrier, status: int) -> None:
    told, reason, slug = FINAL[status]
    extra = ['WWW-Authenticate: Digest realm="pbx", nonce="1"'] if status == 401 else []
    pbx = carrier.pbx(_refusing(status, reason, "Contact: <sip:elsewhere@192.0.2.1>", *extra), "final")
    phone = carrier.calls(_refused("12125550203", told))
    phone.done()
    pbx.done()
    record = node.record(phone.call_id)
    assert (record["status"], record["verdict"], record["attempts"]) == (told, slug, 1)


def test_the_last_5xx_is_the_answer(node: Node, carrier: Carrier) -> None:
    pbx = carrier.pbx(_refusing(502, "Bad Gateway"), "failing")
    phone = carrier.calls(_refused("12125550204", 502))
    phone.done()
    pbx.done()
    record = node.record(phone.call_id)
    assert [attempt["verdict"] for attempt in record["attempt_records"]] == ["unreachable", "server-failure"]


def test_a_5xx_after_ringing_moves_on_but_not_after_early_media(node: Node, carrier: Carrier) -> None:
    rang = Callee()
    rang.invited()
    rang.ring()
    rang.refuse(500, "Server Internal Error")
    first, second = carrier.pbx(rang, "final"), carrier.pbx(Callee.answering(NO_AUDIO), "spare")
    phone = carrier.calls(_call("12125550203"))
    for program in (phone, first, second):
        program.done()
    assert node.record(phone.call_id)["attempts"] == 2

    spoke = Callee()
    spoke.invited()
    spoke.answer(183, "Session Progress", body=NO_AUDIO)
    spoke.pause(100)
    spoke.refuse(500, "Server Internal Error")
    first = carrier.pbx(spoke, "final")
    phone = carrier.calls(_refused("12125550203", 500))
    phone.done()
    first.done()
    assert node.record(phone.call_id)["attempts"] == 1


def test_an_endpoint_by_tcp(node: Node, carrier: Carrier) -> None:
    pbx = carrier.pbx(Callee.answering(NO_AUDIO), "tcp", transport="t1")
    phone = carrier.calls(_call("12125550205"))
    phone.done()
    pbx.done()
    invite = pbx.received("INVITE")
    assert invite.start_line == f"INVITE sip:100@{PBX}:{PORTS['tcp']};transport=tcp SIP/2.0"
    assert ";transport=tcp" in (invite.header("Contact") or "")
    assert node.record(phone.call_id)["attempt_records"][0]["resolved"] == f"TCP {PBX}:{PORTS['tcp']}"


def test_an_endpoint_by_srv_record(node: Node, carrier: Carrier) -> None:
    pbx = carrier.pbx(Callee.answering(NO_AUDIO), "srv")
    phone = carrier.calls(_call("12125550206"))
    phone.done()
    pbx.done()
    assert pbx.received("INVITE").start_line == "INVITE sip:100@pbx.test SIP/2.0"
    assert node.record(phone.call_id)["attempt_records"][0]["resolved"] == f"UDP {PBX}:{PORTS['srv']}"


def test_numbers_that_lead_nowhere(node: Node, carrier: Carrier) -> None:
    for number, status, slug in (
        ("12125550207", 480, "no-forwarding"),
        ("12125550299", 404, "unknown-number"),
    ):
        phone = carrier.calls(_refused(number, status))
        phone.done()
        assert node.record(phone.call_id)["verdict"] == slug


def test_a_stranger_is_asked_for_credentials(carrier: Carrier) -> None:
    phone = carrier.calls(_refused("12125550200", 407), host=STRANGER)
    phone.done()


def test_a_call_without_sdp_is_answered_with_an_offer(node: Node, carrier: Carrier, voice: Speak) -> None:
    mouth, ear = voice(440, CARRIER), voice(1000, PBX)
    callee = Callee(body=sdp(ear))
    callee.invited()
    callee.accept()
    callee.hung_up()
    pbx = carrier.pbx(callee, "good")
    caller = Caller("12125550200")
    caller.invite()
    caller.answered(sdp(mouth, formats="0"))
    caller.until_told()
    caller.bye()
    phone = carrier.calls(caller)
    there, here = pbx.received("INVITE").audio, phone.answer().audio
    assert there is not None
    assert here is not None
    mouth.talk_to(*here)
    ear.talk_to(*there)
    wait_for("the PBX to hear the caller", lambda: ear.hears(440))
    wait_for("the caller to hear the PBX", lambda: mouth.hears(1000))
    phone.tell()
    phone.done()
    pbx.done()


def test_as_many_calls_as_the_numbers_of_an_account_take(node: Node, carrier: Carrier) -> None:
    pbx = carrier.pbx(Callee.answering(NO_AUDIO), "busy", calls=3)
    up = []
    for number in (BUSY_NUMBER, BUSY_NUMBER_2):
        caller = Caller(number, caller="442071838750", body=NO_AUDIO)
        caller.invite()
        caller.answered()
        caller.until_told()
        caller.bye()
        up.append(carrier.calls(caller))
        up[-1].answer()
    third = carrier.calls(_refused(BUSY_NUMBER, 486))
    third.done()
    (answer,) = [one for one in third.messages if one.status == 486]
    assert 'text="numbers-busy"' in (answer.header("Reason") or "")
    assert answer.header("Retry-After") is None
    record = node.record(third.call_id)
    assert (record["verdict"], record["account"], record["number"]) == ("numbers-busy", BUSY, BUSY_NUMBER)
    first, second = up
    first.tell()
    first.done()
    carrier.calls(_call(BUSY_NUMBER)).done()
    second.tell()
    second.done()
    pbx.done()
