"""baresip as a customer's phone, outbound and inbound, SIPp as the carrier: what is heard."""

import re
from typing import Any

import pytest

from tests.interop.addresses import wait_for
from tests.interop.audio import PCMA
from tests.interop.baresip.conftest import CARRIER, NUMBER, PHONE, PORT, SECURE_NUMBER, Phone
from tests.interop.cases import Case, Program
from tests.interop.conftest import Speak, Start
from tests.interop.node import DOMAIN, HOST, Node
from tests.interop.sipp.program import Message, Sipp
from tests.interop.sipp.scenario import Callee, Caller, sdp

pytestmark = pytest.mark.program(Program.BARESIP)


@pytest.mark.case(Case.OUT_ENDED_BY_CALLER)
@pytest.mark.case(Case.REGISTER)
@pytest.mark.case(Case.SHOWN)
@pytest.mark.case(Case.PCMU)
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
    wait_for("the callee to hear baresip", lambda: ear.hears(440))
    wait_for("baresip to hear the callee", lambda: caller.hears(1000))
    caller.command("hangup")
    carrier.done()


@pytest.mark.case(Case.G722)
@pytest.mark.parametrize(
    ("called", "codecs", "ours", "theirs"),
    [("442071838760", "PCMU", "PCMU", "PCMA"), ("442071838761", "G722/16000", "G722", "PCMA")],
)
def test_a_carrier_with_another_codec(
    node: Node, phone: Phone, sipp: Start, voice: Speak, called: str, codecs: str, ours: str, theirs: str
) -> None:
    """Nothing of what transcodes is used to hear it: baresip has its own G.722, the carrier its own G.711."""
    ear = voice(1000, CARRIER, PCMA)
    callee = Callee(body=sdp(ear, formats="8 101"))
    callee.invited()
    callee.ring()
    callee.accept()
    callee.hung_up()
    carrier = sipp(callee, host=CARRIER, port=PORT)
    caller = phone(codecs=codecs, extra=";ptime=40")
    caller.command("dial", f"sip:{called}@{DOMAIN}")
    invite = carrier.received("INVITE")
    caller.event("CALL_ESTABLISHED")
    assert invite.audio is not None
    ear.talk_to(*invite.audio)
    wait_for("the callee to hear baresip", lambda: ear.hears(440))
    wait_for("baresip to hear the callee", lambda: caller.hears(1000))
    caller.command("hangup")
    carrier.done()
    record = wait_for("the closed record", lambda: _closed(node, called))
    assert record["transcoded"]
    assert record["caller_media"].startswith(f"{ours},")
    assert record["callee_media"].startswith(f"{theirs},")


def _closed(node: Node, called: str) -> dict[str, Any] | None:
    """The record of the call to this number, once it is closed."""
    calls = (row["call_id"] for row in node.command("calls") if row["called"] == called)
    return next((node.closed(one) for one in calls), None)


def _answering(body: str) -> Callee:
    callee = Callee(body=body)
    callee.invited()
    callee.accept()
    return callee


@pytest.mark.case(Case.IN_ENDED_BY_CALLER)
@pytest.mark.case(Case.TLS)
@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
def test_a_call_reaches_the_registered_phone_over_its_own_connection(
    node: Node, phone: Phone, sipp: Start, voice: Speak, transport: str
) -> None:
    mouth = voice(1000, CARRIER)
    called = phone(transport=transport)
    caller = Caller(NUMBER, caller="442071838750", body=sdp(mouth))
    caller.invite()
    caller.answered()
    caller.until_told()
    caller.bye()
    carrier = sipp(caller, host=CARRIER, to=(HOST, node.port))
    here = carrier.answer().audio
    assert here is not None
    mouth.talk_to(*here)
    wait_for("baresip to hear the caller", lambda: called.hears(1000))
    wait_for("the caller to hear baresip", lambda: mouth.hears(440))
    carrier.tell()
    carrier.done()
    called.event("CALL_CLOSED")
    record = node.record(carrier.call_id)
    assert record["verdict"] == "answered"
    resolved = record["attempt_records"][0]["resolved"]
    assert resolved.startswith(transport.upper())
    if transport == "udp":
        assert resolved == f"UDP {PHONE}:{called.port}"
    else:
        assert f"-> {resolved.partition(' ')[2]}" in called.output(), "not the connection of the REGISTER"


SRTP = ";mediaenc=srtp-mand"
"""What makes baresip offer SRTP, and take nothing else."""
CRYPTO = re.compile(r"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:([A-Za-z0-9+/]{40})")


def _keys(trace: str) -> set[str]:
    """Every key in what a phone has printed; one way has one, and the other another."""
    assert "m=audio" in trace
    assert "RTP/AVP" not in trace
    return set(CRYPTO.findall(trace))


@pytest.mark.case(Case.SRTP)
def test_srtp_to_the_customer_and_rtp_to_the_carrier(
    node: Node, phone: Phone, sipp: Start, voice: Speak
) -> None:
    ear = voice(1000, CARRIER)
    callee = _answering(sdp(ear))
    callee.hung_up()
    carrier = sipp(callee, host=CARRIER, port=PORT)
    caller = phone(transport="tls", extra=SRTP)
    caller.command("dial", f"sip:442071838754@{DOMAIN}")
    invite = carrier.received("INVITE")
    caller.event("CALL_ESTABLISHED")
    assert invite.audio is not None
    assert "RTP/AVP" in invite.body
    assert "crypto" not in invite.body
    ear.talk_to(*invite.audio)
    wait_for("the callee to hear baresip", lambda: ear.hears(440))
    wait_for("baresip to hear the callee", lambda: caller.hears(1000))
    caller.command("hangup")
    carrier.done()
    assert len(_keys(caller.output())) == 2


@pytest.mark.case(Case.SRTP)
def test_an_endpoint_that_is_to_have_srtp_gets_it(
    node: Node, phone: Phone, sipp: Start, voice: Speak
) -> None:
    mouth = voice(1000, CARRIER)
    called = phone(transport="tls", extra=SRTP)
    caller = Caller(SECURE_NUMBER, caller="442071838750", body=sdp(mouth))
    caller.invite()
    caller.answered()
    caller.until_told()
    caller.bye()
    carrier = sipp(caller, host=CARRIER, to=(HOST, node.port))
    here = carrier.answer().audio
    assert here is not None
    mouth.talk_to(*here)
    wait_for("baresip to hear the caller", lambda: called.hears(1000))
    wait_for("the caller to hear baresip", lambda: mouth.hears(440))
    carrier.tell()
    carrier.done()
    called.event("CALL_CLOSED")
    assert len(_keys(called.output())) == 2


def test_an_endpoint_that_is_to_have_srtp_and_has_none_is_never_sent_rtp(
    node: Node, phone: Phone, sipp: Start, voice: Speak
) -> None:
    called = phone(transport="tls")
    caller = Caller(SECURE_NUMBER, caller="442071838750", body=sdp(voice(1000, CARRIER)))
    caller.invite()
    caller.refused(488)
    carrier = sipp(caller, host=CARRIER, to=(HOST, node.port))
    carrier.done()
    assert "RTP/AVP " not in called.output().split("INVITE sip:")[1]


@pytest.mark.case(Case.HOLD)
@pytest.mark.parametrize(("transport", "extra"), [("udp", ""), ("tls", SRTP)], ids=["rtp", "srtp"])
def test_hold_and_resume(
    node: Node, phone: Phone, sipp: Start, voice: Speak, transport: str, extra: str
) -> None:
    ear = voice(1000, CARRIER)
    callee = _answering(sdp(ear))
    for version, direction in ((2, "recvonly"), (3, "sendrecv")):
        callee.request("INVITE")
        callee.agree(sdp(ear, direction=direction, version=version))
    callee.hung_up()
    carrier = sipp(callee, host=CARRIER, port=PORT)
    caller = phone(transport=transport, extra=extra)
    caller.command("dial", f"sip:442071838751@{DOMAIN}")
    there = carrier.received("INVITE").audio
    caller.event("CALL_ESTABLISHED")
    assert there is not None
    ear.talk_to(*there)
    wait_for("audio both ways", lambda: ear.hears(440) and caller.hears(1000))

    caller.command("hold")
    held = wait_for("the re-INVITE", lambda: _invites(carrier, 2))
    assert "a=sendonly" in held.body
    wait_for("the ACK", lambda: _acks(carrier) == 2)
    wait_for("silence from baresip", lambda: caller.receives() < 1_000)
    caller.command("resume")
    resumed = wait_for("the second re-INVITE", lambda: _invites(carrier, 3))
    assert "a=sendrecv" in resumed.body
    wait_for("the ACK", lambda: _acks(carrier) == 3)
    ear.heard.clear()
    wait_for("audio to the callee again", lambda: ear.hears(440))
    wait_for("audio to baresip again", lambda: caller.receives() > 50_000)
    caller.command("hangup")
    carrier.done()


def _invites(program: Sipp, number: int) -> Message | None:
    seen = {item.header("CSeq"): item for item in program.messages if item.text.startswith("INVITE ")}
    return list(seen.values())[number - 1] if len(seen) >= number else None


def _acks(program: Sipp) -> int:
    return len({item.header("CSeq") for item in program.messages if item.text.startswith("ACK ")})


@pytest.mark.case(Case.DIGITS)
def test_keys_pass_as_telephone_events(node: Node, phone: Phone, sipp: Start, voice: Speak) -> None:
    ear = voice(1000, CARRIER)
    callee = _answering(sdp(ear))
    callee.hung_up()
    carrier = sipp(callee, host=CARRIER, port=PORT)
    caller = phone()
    caller.command("dial", f"sip:442071838752@{DOMAIN}")
    there = carrier.received("INVITE").audio
    caller.event("CALL_ESTABLISHED")
    assert there is not None
    ear.talk_to(*there)
    wait_for("the callee to hear baresip", lambda: ear.hears(440))
    caller.command("sndcode", "19#")
    keys = [1, 9, 11]
    wait_for("three keys", lambda: ear.keys() == keys, within_s=5)
    ear.press("5")
    caller.event("CALL_DTMF_START")
    caller.command("hangup")
    carrier.done()
