"""Calls from customers to carriers: SIPp on both sides."""

import json
import re
import socket
import time
from collections.abc import Iterator
from itertools import pairwise

import pytest

from tests.interop.addresses import free_port, wait_for
from tests.interop.audio import PCMA, PCMU, RATE
from tests.interop.cases import Case, Program
from tests.interop.conftest import Speak, Start
from tests.interop.node import HOST, KEY, SECRET, Node, running_node
from tests.interop.sipp.program import Message, Sipp
from tests.interop.sipp.scenario import Callee, Caller, sdp, silent_sdp

pytestmark = pytest.mark.program(Program.SIPP)

PBX = "127.0.0.10"
GUESSER = "127.0.0.11"
CARRIER = "127.0.0.20"
PORTS = {name: free_port(CARRIER) for name in ("main", "refusing", "silent", "failing", "busy", "early")}
NO_AUDIO = silent_sdp("127.0.0.10")


def _gateway(name: str) -> tuple[str, str]:
    return "--gateway", f"sip:{CARRIER}:{PORTS[name]}"


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    directory = tmp_path_factory.mktemp("outbound") / "node"
    with running_node(directory, {"outbound.attempt_timeout_ms": 1000}) as node:
        command = node.command
        command("carrier", "add", "main", *_gateway("main"))
        walk = [_gateway(name) for name in ("refusing", "failing", "silent", "main")]
        command("carrier", "add", "walk", *(part for pair in walk for part in pair))
        command("carrier", "add", "busy", *_gateway("busy"), *_gateway("main"))
        command("carrier", "add", "early", *_gateway("early"), *_gateway("main"))
        for prefix, name in (("44", "main"), ("33", "walk"), ("49", "busy"), ("39", "early")):
            command("route", "add", prefix, "--carrier", name)
        command("account", "add", "--key", "owned", "--secret", SECRET, "--caller-id", "owned")
        command("number", "add", "12125550111", "--account", "owned")
        replace = ("--caller-id", "replace", "--caller-id-number", "12125550122")
        command("account", "add", "--key", "replaced", "--secret", SECRET, *replace)
        command("account", "add", "--key", "blocked", "--secret", SECRET)
        command("account", "block", "blocked")
        command("account", "add", "--key", "single", "--secret", SECRET)
        command("account", "limit", "single", "--concurrent", "1")
        command("account", "add", "--key", "slow", "--secret", SECRET)
        command("account", "limit", "slow", "--per-second", "1")
        command("account", "add", "--key", "local", "--secret", SECRET)
        command("account", "limit", "local", "--deny", "4490")
        yield node


class Pbx:
    """A customer's PBX in front of the node, a carrier behind it."""

    def __init__(self, node: Node, sipp: Start) -> None:
        self._node = node
        self._sipp = sipp

    def calls(self, caller: Caller, key: str = KEY, **options: object) -> Sipp:
        """Play `caller` with the credentials of `key`."""
        to = (HOST, self._node.port)
        return self._sipp(caller, **{"host": PBX, "to": to, "user": key, "password": SECRET, **options})

    def carrier(self, callee: Callee, name: str = "main", **options: object) -> Sipp:
        """Play `callee` at a gateway."""
        return self._sipp(callee, host=CARRIER, port=PORTS[name], **options)


@pytest.fixture
def pbx(node: Node, sipp: Start) -> Pbx:
    return Pbx(node, sipp)


def _refused(called: str, status: int, **options: str) -> Caller:
    caller = Caller(called, **{"body": NO_AUDIO, **options})
    caller.invite_with_credentials()
    caller.refused(status)
    return caller


def _short_call(called: str, **options: str) -> Caller:
    caller = Caller(called, **{"body": NO_AUDIO, **options})
    caller.invite_with_credentials()
    caller.answered()
    caller.pause(100)
    caller.bye()
    return caller


def _final(caller: Sipp) -> Message:
    """The last answer to an INVITE, which was no challenge."""
    answers = [item for item in caller.messages if item.status and item.status >= 200]
    return [item for item in answers if (item.header("CSeq") or "").endswith("INVITE")][-1]


# -- a call, and who ends it -----------------------------------------------------------------------


@pytest.mark.case(Case.OUT_ENDED_BY_CALLER)
def test_audio_crosses_both_ways_and_the_record_says_so(node: Node, pbx: Pbx, voice: Speak) -> None:
    mouth, ear = voice(440, PBX), voice(1000, CARRIER)
    callee = Callee(body=sdp(ear, formats="0"))
    callee.invited()
    callee.ring()
    callee.accept()
    callee.hung_up()
    carrier = pbx.carrier(callee)
    caller = Caller("+442071838750", body=sdp(mouth))
    caller.invite_with_credentials()
    caller.answered()
    caller.until_told()
    caller.bye()
    began = time.monotonic()
    phone = pbx.calls(caller)

    there = carrier.received("INVITE").audio
    here = phone.answer().audio
    assert there is not None
    assert here is not None
    mouth.talk_to(*here)
    ear.talk_to(*there)
    wait_for("the callee to hear the caller", lambda: ear.hears(440))
    wait_for("the caller to hear the callee", lambda: mouth.hears(1000))
    wait_for("more than a second of audio", lambda: min(len(ear.heard), len(mouth.heard)) > 60)
    phone.tell()
    phone.done()
    carrier.done()

    record = node.record(phone.call_id)
    assert record["direction"] == "outbound"
    assert (record["account"], record["carrier"]) == (KEY, "main")
    assert (record["dialled"], record["called"]) == ("+442071838750", "442071838750")
    assert record["caller"] == "12125550100"
    assert (record["status"], record["verdict"]) == (200, "answered")
    assert record["hung_up_by"] == "caller"
    assert 1.0 < record["talk_s"] < time.monotonic() - began
    for side in ("caller_media", "callee_media"):
        packets = re.match(r"PCMU, (\d+) in, (\d+) out, 0 lost", record[side])
        assert packets is not None, record[side]
        assert int(packets[1]) > 25
        assert int(packets[2]) > 25
    (attempt,) = record["attempt_records"]
    assert attempt["resolved"] == f"UDP {CARRIER}:{PORTS['main']}"
    assert attempt["status"] == 200


def test_the_command_line_lists_the_call(node: Node, pbx: Pbx) -> None:
    carrier = pbx.carrier(Callee.answering(NO_AUDIO))
    phone = pbx.calls(_short_call("442071838751"))
    phone.done()
    carrier.done()
    node.record(phone.call_id)
    rows = json.loads(node.run("calls", "--account", KEY, "--json"))
    assert ("442071838751", "answered") in {(row["called"], row["verdict"]) for row in rows}


@pytest.mark.case(Case.OUT_ENDED_BY_CALLEE)
def test_the_callee_hangs_up(node: Node, pbx: Pbx) -> None:
    callee = Callee(body=NO_AUDIO)
    callee.invited()
    callee.accept()
    callee.in_dialog("BYE", ["Reason: Q.850;cause=16", "X-Bill: 7", "X-Trunkline-Secret: 1"])
    callee.response(200)
    carrier = pbx.carrier(callee)
    caller = Caller("442071838752", body=NO_AUDIO, headers=["X-Campaign: spring", "X-Trunkline-Trick: 1"])
    caller.invite_with_credentials()
    caller.answered()
    caller.hung_up()
    phone = pbx.calls(caller)
    phone.done()
    carrier.done()

    invite = carrier.received("INVITE")
    assert invite.header("X-Campaign") == "spring"
    assert invite.header("X-Trunkline-Trick") is None
    bye = phone.received("BYE")
    assert bye.header("X-Bill") == "7"
    assert bye.header("X-Trunkline-Secret") is None
    assert bye.header("Reason") == "Q.850;cause=16"
    assert node.record(phone.call_id)["hung_up_by"] == "callee"


@pytest.mark.case(Case.HOLD)
def test_hold_and_resume_keep_the_tones(pbx: Pbx, voice: Speak) -> None:
    mouth, ear = voice(440, PBX), voice(1000, CARRIER)
    callee = Callee(body=sdp(ear))
    callee.invited()
    callee.accept()
    for version, direction in ((2, "recvonly"), (3, "sendrecv")):
        callee.request("INVITE")
        callee.agree(sdp(ear, direction=direction, version=version))
    callee.hung_up()
    carrier = pbx.carrier(callee)
    caller = Caller("442071838756", body=sdp(mouth))
    caller.invite_with_credentials()
    caller.answered()
    for version, direction in ((2, "sendonly"), (3, "sendrecv")):
        caller.until_told()
        caller.in_dialog("INVITE", body=sdp(mouth, direction=direction, version=version))
        caller.provisional()
        caller.response(200)
        caller.ack()
    caller.until_told()
    caller.bye()
    phone = pbx.calls(caller)
    there, here = carrier.received("INVITE").audio, phone.answer().audio
    assert there is not None
    assert here is not None
    mouth.talk_to(*here)
    ear.talk_to(*there)
    wait_for("audio both ways", lambda: ear.hears(440) and mouth.hears(1000))
    phone.tell()
    wait_for("the hold", lambda: _acks(carrier) == 2)
    held = [item for item in carrier.messages if item.text.startswith("INVITE ")][-1]
    assert "a=sendonly" in held.body
    wait_for("the answer to the caller", lambda: "a=recvonly" in _answers(phone)[-1])
    wait_for("silence for the caller", mouth.hears_nothing)  # what was under way has come
    ear.heard.clear()
    mouth.heard.clear()
    wait_for("music on hold", lambda: ear.hears(440))
    assert not mouth.heard
    phone.tell()
    wait_for("the resumption", lambda: _acks(carrier) == 3)
    wait_for("audio to the caller again", lambda: mouth.hears(1000))
    phone.tell()
    phone.done()
    carrier.done()


def test_another_codec_within_the_call_concerns_its_own_side_and_breaks_no_stream(
    node: Node, pbx: Pbx, voice: Speak
) -> None:
    """PCMU is transcoded for a carrier with PCMA; then the customer turns to PCMA elsewhere, which passes."""
    before, after, ear = voice(440, PBX, PCMU), voice(600, PBX, PCMA), voice(1000, CARRIER, PCMA)
    callee = Callee(body=sdp(ear, formats="8 101"))
    callee.invited()
    callee.accept()
    callee.hung_up()
    carrier = pbx.carrier(callee)
    caller = Caller("442071838757", body=sdp(before, formats="0 101"))
    caller.invite_with_credentials()
    caller.answered()
    caller.until_told()
    caller.in_dialog("INVITE", body=sdp(after, formats="8 101", version=2))
    caller.provisional()
    caller.response(200)
    caller.ack()
    caller.until_told()
    caller.bye()
    phone = pbx.calls(caller)
    there, here = carrier.received("INVITE").audio, phone.answer().audio
    assert there is not None
    assert here is not None
    before.talk_to(*here)
    ear.talk_to(*there)
    wait_for("audio both ways", lambda: ear.hears(440) and before.hears(1000))
    phone.tell()
    wait_for("the other codec", lambda: "m=audio" in _answers(phone)[-1] and " 8 101" in _answers(phone)[-1])
    before.hush()
    after.talk_to(*here)
    wait_for("audio both ways", lambda: ear.hears(600) and after.hears(1000))
    phone.tell()
    phone.done()
    carrier.done()
    assert len(carrier.requests("INVITE")) == 1
    sequence = [number for number, _, _ in ear.line]
    steps = {(later - earlier) & 0xFFFF for earlier, later in pairwise(sequence)}
    assert len({ssrc for _, _, ssrc in ear.line}) == 1, "one stream"
    assert steps == {1}, "and nothing missing in it"
    stamps = {(later[1] - earlier[1]) & 0xFFFFFFFF for earlier, later in pairwise(ear.line)}
    assert max(stamps) < RATE, "whose clock goes on"
    record = node.record(phone.call_id)
    assert record["caller_media"].startswith("PCMA,")


def _answers(phone: Sipp) -> list[str]:
    return [item.body for item in phone.messages if item.status == 200 and item.body]


def _acks(program: Sipp) -> int:
    return len({item.header("CSeq") for item in program.messages if item.text.startswith("ACK ")})


@pytest.mark.case(Case.OUT_CANCELLED)
def test_the_caller_gives_up_while_it_rings(node: Node, pbx: Pbx) -> None:
    callee = Callee()
    callee.invited()
    callee.ring()
    callee.cancelled()
    carrier = pbx.carrier(callee)
    caller = Caller("442071838753", body=NO_AUDIO)
    caller.invite_with_credentials()
    caller.response(100, optional=True)
    caller.response(180)
    caller.cancel()
    phone = pbx.calls(caller)
    phone.done()
    carrier.done()
    record = node.record(phone.call_id)
    assert (record["status"], record["verdict"], record["hung_up_by"]) == (487, "cancelled", "caller")
    assert record["ringing_at"] is not None
    assert record["answered_at"] is None


@pytest.mark.case(Case.EARLY_MEDIA)
def test_early_media_is_heard_before_the_answer(node: Node, pbx: Pbx, voice: Speak) -> None:
    mouth, ear = voice(440, PBX), voice(1000, CARRIER)
    callee = Callee(body=sdp(ear))
    callee.invited()
    callee.answer(183, "Session Progress", body=sdp(ear))
    callee.until_told()
    callee.accept()
    callee.hung_up()
    carrier = pbx.carrier(callee)
    caller = Caller("442071838754", body=sdp(mouth))
    caller.invite_with_credentials()
    caller.response(100, optional=True)
    caller.response(183)
    caller.answered()
    caller.pause(200)
    caller.bye()
    phone = pbx.calls(caller)
    there, here = carrier.received("INVITE").audio, phone.received("SIP/2.0 183").audio
    assert there is not None
    assert here is not None
    ear.talk_to(*there)
    early = time.monotonic()
    wait_for("the caller to hear the announcement", lambda: mouth.hears(1000))
    assert not [item for item in phone.messages if item.status == 200]
    rang_s = time.monotonic() - early
    carrier.tell()
    phone.done()
    carrier.done()
    record = node.record(phone.call_id)
    assert record["ring_s"] > rang_s - 0.05


def test_a_reliable_183_is_acknowledged_with_prack(pbx: Pbx) -> None:
    callee = Callee(body=NO_AUDIO)
    callee.invited()
    callee.answer(183, "Session Progress", body=NO_AUDIO)
    callee.pause(500)
    callee.accept()
    callee.hung_up()
    carrier = pbx.carrier(callee)
    caller = Caller("442071838755", body=NO_AUDIO, headers=["Supported: 100rel"])
    caller.invite_with_credentials()
    caller.response(100, optional=True)
    caller.reliable_response(183)
    caller.prack()
    caller.response(200)
    caller.response(200)
    caller.ack()
    caller.bye()
    phone = pbx.calls(caller)
    phone.done()
    carrier.done()
    early = phone.received("SIP/2.0 183")
    assert "100rel" in (early.header("Require") or "")
    assert len({item.header("RSeq") for item in phone.messages if item.status == 183}) == 1


# -- numbers and identities ------------------------------------------------------------------------


@pytest.mark.case(Case.INTERNATIONAL)
@pytest.mark.parametrize("dialled", ["+442071838760", "00442071838760", "+44-20-7183.8760"])
def test_a_number_is_brought_to_e164(pbx: Pbx, dialled: str) -> None:
    carrier = pbx.carrier(Callee.answering(NO_AUDIO))
    phone = pbx.calls(_short_call(dialled))
    phone.done()
    carrier.done()
    assert carrier.received("INVITE").start_line == (
        f"INVITE sip:442071838760@{CARRIER}:{PORTS['main']} SIP/2.0"
    )


IDENTITIES = {
    "any, from From": (KEY, "12125550100", [], "sip:12125550100@trunk.test"),
    "any, from P-Asserted-Identity": (
        KEY,
        "reception",
        ["P-Asserted-Identity: <sip:12125550133@trunk.test>"],
        "sip:12125550133@trunk.test",
    ),
    "any, withheld": (KEY, "12125550100", ["Privacy: id"], "sip:anonymous@anonymous.invalid"),
    "owned": ("owned", "+12125550111", [], "sip:12125550111@trunk.test"),
    "replaced": ("replaced", "12125550100", [], "sip:12125550122@trunk.test"),
}


@pytest.mark.case(Case.SHOWN)
@pytest.mark.case(Case.RESTRICTED)
@pytest.mark.parametrize("name", IDENTITIES)
def test_the_caller_id_follows_the_policy(pbx: Pbx, name: str) -> None:
    key, caller, headers, expected = IDENTITIES[name]
    carrier = pbx.carrier(Callee.answering(NO_AUDIO))
    scenario = Caller("442071838761", caller=caller, headers=headers, body=NO_AUDIO)
    scenario.invite_with_credentials()
    scenario.answered()
    scenario.bye()
    phone = pbx.calls(scenario, key)
    phone.done()
    carrier.done()
    assert f"<{expected}>" in (carrier.received("INVITE").header("From") or "")


# -- refusals --------------------------------------------------------------------------------------


def test_refusals_by_status_and_error_id(node: Node, pbx: Pbx) -> None:
    gsm_only = NO_AUDIO.replace("0 8", "3")
    cases = {
        "no route": (KEY, _refused("819012345678", 404), "no-route"),
        "malformed": (KEY, _refused("4420", 484), "malformed-number"),
        "not a number": (KEY, _refused("reception", 484), "malformed-number"),
        "blocked": ("blocked", _refused("442071838762", 403), "account-blocked"),
        "denied": ("local", _refused("449012345678", 403), "destination-forbidden"),
        "caller ID": ("owned", _refused("442071838763", 403, caller="12125550199"), "caller-id-forbidden"),
        "codec": (KEY, _refused("442071838764", 488, body=gsm_only), "codec-mismatch"),
    }
    phones = {name: pbx.calls(scenario, key) for name, (key, scenario, _) in cases.items()}
    for name, (_, _, slug) in cases.items():
        phone = phones[name]
        phone.done()
        answer = _final(phone)
        assert f'text="{slug}"' in (answer.header("Reason") or ""), name
        record = node.record(phone.call_id)
        assert (record["status"], record["verdict"]) == (answer.status, slug), name
        assert record["attempts"] == 0, name
    assert _final(phones["codec"]).header("Warning") is not None


@pytest.mark.parametrize("key", [KEY, "nobody-has-this-key"])
def test_wrong_credentials_are_challenged_twice_and_then_refused(pbx: Pbx, key: str) -> None:
    caller = Caller("442071838765", body=NO_AUDIO)
    caller.invite_with_credentials()
    caller.challenged()
    caller.invite(credentials=True)
    caller.challenged()
    caller.invite(credentials=True)
    caller.refused(403)
    phone = pbx.calls(caller, key, host=GUESSER, password="wrong")
    phone.done()
    answer = _final(phone)
    assert 'text="bad-credentials"' in (answer.header("Reason") or "")


def test_too_many_calls_at_once(node: Node, pbx: Pbx) -> None:
    carrier = pbx.carrier(Callee.answering(NO_AUDIO))
    first = Caller("442071838766", body=NO_AUDIO)
    first.invite_with_credentials()
    first.answered()
    first.until_told()
    first.bye()
    up = pbx.calls(first, "single")
    up.answer()
    second = pbx.calls(_refused("442071838767", 503), "single")
    second.done()
    answer = _final(second)
    assert 'text="call-limit"' in (answer.header("Reason") or "")
    assert int(answer.header("Retry-After") or 0) > 0
    up.tell()
    up.done()
    carrier.done()

    carrier = pbx.carrier(Callee.answering(NO_AUDIO))
    again = pbx.calls(_short_call("442071838767"), "single")
    again.done()
    carrier.done()
    assert node.record(again.call_id)["verdict"] == "answered"


def test_too_many_calls_a_second(pbx: Pbx) -> None:
    callee = Callee()
    callee.invited()
    callee.refuse(486, "Busy Here")
    carrier = pbx.carrier(callee, calls=100)
    caller = Caller("442071838768", body=NO_AUDIO)
    caller.invite_with_credentials()
    caller.provisional()
    caller.response(486, jump=True)
    caller.response(503)
    caller.land()
    caller.ack_refusal()
    began = time.monotonic()
    phone = pbx.calls(caller, "slow", calls=5, rate=100)
    phone.done()
    took_s = time.monotonic() - began
    answers = [item for item in phone.messages if item.status in (486, 503)]
    assert 1 <= [item.status for item in answers].count(486) <= 1 + took_s
    refusals = [item for item in answers if item.status == 503]
    assert refusals
    for answer in refusals:
        assert 'text="rate-limit"' in (answer.header("Reason") or "")
        assert int(answer.header("Retry-After") or 0) > 0
    carrier.close()


# -- gateways --------------------------------------------------------------------------------------


def test_the_next_gateway_is_tried_on_refusal_failure_and_silence(node: Node, pbx: Pbx) -> None:
    failing = Callee()
    failing.invited()
    failing.refuse(503, "Service Unavailable")
    broken = pbx.carrier(failing, "failing")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind((CARRIER, PORTS["silent"]))
        carrier = pbx.carrier(Callee.answering(NO_AUDIO))
        phone = pbx.calls(_short_call("33140205050"))
        phone.done()
        carrier.done()
        broken.done()
    record = node.record(phone.call_id)
    assert [attempt["verdict"] for attempt in record["attempt_records"]] == [
        "unreachable",
        "server-failure",
        "endpoint-silent",
        "answered",
    ]
    assert record["attempts"] == 4
    assert record["verdict"] == "answered"


@pytest.mark.case(Case.OUT_BUSY)
def test_a_busy_answer_is_final(node: Node, pbx: Pbx) -> None:
    callee = Callee()
    callee.invited()
    callee.refuse(486, "Busy Here")
    carrier = pbx.carrier(callee, "busy")
    phone = pbx.calls(_refused("4930123456", 486))
    phone.done()
    carrier.done()
    record = node.record(phone.call_id)
    assert (record["verdict"], record["attempts"], record["hung_up_by"]) == ("busy", 1, "callee")


def test_after_early_media_no_other_gateway_is_tried(node: Node, pbx: Pbx) -> None:
    callee = Callee()
    callee.invited()
    callee.answer(183, "Session Progress", body=NO_AUDIO)
    callee.pause(200)
    callee.refuse(503, "Service Unavailable")
    carrier = pbx.carrier(callee, "early")
    phone = pbx.calls(_refused("390612345678", 503))
    phone.done()
    carrier.done()
    record = node.record(phone.call_id)
    assert (record["verdict"], record["attempts"]) == ("server-failure", 1)
