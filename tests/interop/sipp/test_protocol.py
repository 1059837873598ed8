"""What the node answers to requests that it can't take as they are; calls on a network that loses packets."""

from collections.abc import Iterator, Mapping

import pytest

from tests.interop.addresses import free_port, wait_for
from tests.interop.conftest import Start
from tests.interop.node import DOMAIN, HOST, KEY, SECRET, Node, running_node
from tests.interop.sipp.program import Sipp
from tests.interop.sipp.scenario import Callee, Caller, Scenario, answer_lines, silent_sdp

PBX = "127.0.0.10"
CARRIER = "127.0.0.20"
PORT = free_port(CARRIER)
NO_AUDIO = silent_sdp("127.0.0.10")


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    patient = {"outbound.attempt_timeout_ms": 32_000}  # an INVITE is repeated as long as timer B says
    with running_node(tmp_path_factory.mktemp("protocol") / "node", patient) as node:
        node.command("carrier", "add", "main", "--gateway", f"sip:{CARRIER}:{PORT}")
        node.command("route", "add", "44", "--carrier", "main")
        yield node


def _dial(node: Node, sipp: Start, caller: Scenario, **options: object) -> Sipp:
    to = (HOST, node.port)
    return sipp(caller, **{"host": PBX, "to": to, "user": KEY, "password": SECRET, **options})


def _request(method: str, status: int, fields: Mapping[str, str]) -> Scenario:
    """One request outside a dialog, and its answer."""
    usual = {
        "Via": "SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch];rport",
        "From": f"<sip:12125550100@{DOMAIN}>;tag=[pid]c[call_number]",
        "To": f"<sip:442071838750@{DOMAIN}>",
        "Call-ID": "[call_id]",
        "CSeq": f"1 {method}",
        "Max-Forwards": "70",
    }
    scenario = Scenario()
    lines = [f"{name}: {value}" for name, value in {**usual, **fields}.items()]
    scenario.send([f"{method} sip:442071838750@{DOMAIN} SIP/2.0", *lines], repeat=True)
    scenario.response(status)
    return scenario


REFUSED = {
    "an unknown method": ("PUBLISH", 405, {}, "Allow", "INVITE"),
    "a broken From": ("OPTIONS", 400, {"From": "<sip:12125550100@"}, "Warning", "From"),
    "a broken CSeq": ("OPTIONS", 400, {"CSeq": "one OPTIONS"}, "Warning", "CSeq"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_request_that_can_not_be_taken(node: Node, sipp: Start, what: str) -> None:
    method, status, fields, header, content = REFUSED[what]
    phone = _dial(node, sipp, _request(method, status, fields))
    phone.done()
    assert content in (phone.received(f"SIP/2.0 {status}").header(header) or "")


def test_an_extension_that_nobody_has(node: Node, sipp: Start) -> None:
    caller = Caller("442071838750", body=NO_AUDIO, headers=["Require: levitation"])
    caller.invite_with_credentials()
    caller.refused(420)
    phone = _dial(node, sipp, caller)
    phone.done()
    assert phone.received("SIP/2.0 420").header("Unsupported") == "levitation"


def test_a_session_interval_that_is_too_small(node: Node, sipp: Start) -> None:
    caller = Caller("442071838751", body=NO_AUDIO, headers=["Supported: timer", "Session-Expires: 30"])
    caller.invite_with_credentials()
    caller.refused(422)
    phone = _dial(node, sipp, caller)
    phone.done()
    assert phone.received("SIP/2.0 422").header("Min-SE") == "90"


def test_info_crosses_and_refer_is_declined(node: Node, sipp: Start) -> None:
    callee = Callee(body=NO_AUDIO)
    callee.invited()
    callee.accept()
    callee.request("INFO")
    callee.send(answer_lines(200, "OK", tag=""))
    callee.hung_up()
    carrier = sipp(callee, host=CARRIER, port=PORT)
    caller = Caller("442071838752", body=NO_AUDIO)
    caller.invite_with_credentials()
    caller.answered()
    caller.in_dialog("INFO", ["Info-Package: test"])
    caller.response(200)
    caller.in_dialog("REFER", ["Refer-To: <sip:elsewhere@192.0.2.1>"])
    caller.response(603)
    caller.bye()
    phone = _dial(node, sipp, caller)
    phone.done()
    carrier.done()


def test_calls_survive_a_carrier_that_loses_every_eighth_packet(node: Node, sipp: Start) -> None:
    """SIPp drops some of what it sends and receives; the node repeats its requests and ACKs (RFC 3261 §17,
    §13.2.2.4).
    """
    callee = Callee(body=NO_AUDIO)
    callee.invited()
    callee.ring()
    callee.accept()
    callee.hung_up()
    callee.pause(4000)
    sipp(callee, host=CARRIER, port=PORT, calls=20, rate=20, options=("-lost", "12"))
    caller = Caller("442071838753", body=NO_AUDIO)
    caller.invite_with_credentials()
    caller.answered()
    caller.pause(8000)  # four times of the repeated 200, or a lost ACK is followed by the BYE
    caller.bye()
    phone = _dial(node, sipp, caller, calls=20, rate=20, within_s=40)
    phone.done(45)

    def verdicts() -> list[str] | None:
        rows = node.command("calls", "--limit", "40")
        found = [row["verdict"] for row in rows if row["called"] == "442071838753"]
        return found if "open" not in found else None

    assert wait_for("the last BYE to be answered", verdicts, 35, 0.5) == ["answered"] * 20
