"""A customer's Asterisk with the configuration that the service writes; SIPp is its phone and the carrier."""

from tests.interop.addresses import wait_for
from tests.interop.asterisk.conftest import CARRIER, CARRIER_PORT, NUMBER, PHONE_HOST, PHONE_PORT
from tests.interop.asterisk.program import Asterisk
from tests.interop.conftest import Speak, Start
from tests.interop.node import HOST, KEY, Node
from tests.interop.sipp.scenario import Callee, Caller, sdp

FAR = "442071838750"


def test_it_registers_and_qualifies(node: Node, pbx: Asterisk) -> None:
    contacts = [one["contact"] for one in node.command("registration", "list") if one["account"] == KEY]
    assert f"sip:{KEY}@{HOST}:{pbx.port}" in contacts
    pbx.qualified()


def test_a_call_out_with_audio_both_ways(node: Node, pbx: Asterisk, sipp: Start, voice: Speak) -> None:
    far = voice(1000, CARRIER)
    callee = Callee(body=sdp(far))
    callee.invited()
    callee.ring()
    callee.accept()
    callee.hung_up()
    carrier = sipp(callee, host=CARRIER, port=CARRIER_PORT)
    near = voice(440, PHONE_HOST)
    caller = Caller(f"+{FAR}", caller="100", domain=HOST, body=sdp(near))
    caller.invite()
    caller.answered()
    caller.pause(2500)
    caller.bye()
    phone = sipp(caller, host=PHONE_HOST, port=PHONE_PORT, to=(HOST, pbx.port))
    invite = carrier.received("INVITE")
    assert f"sip:{NUMBER}@" in (invite.header("From") or "")
    assert invite.audio is not None
    far.talk_to(*invite.audio)
    there = phone.answer().audio
    assert there is not None
    near.talk_to(*there)
    wait_for("the callee to hear the phone", lambda: far.hears(440), within_s=4)
    wait_for("the phone to hear the callee", lambda: near.hears(1000), within_s=4)
    phone.done()
    carrier.done()


def test_a_call_in_with_audio_both_ways(node: Node, pbx: Asterisk, sipp: Start, voice: Speak) -> None:
    near = voice(440, PHONE_HOST)
    callee = Callee(body=sdp(near))
    callee.invited()
    callee.ring()
    callee.accept()
    callee.hung_up()
    phone = sipp(callee, host=PHONE_HOST, port=PHONE_PORT)
    far = voice(1000, CARRIER)
    caller = Caller(NUMBER, caller=FAR, body=sdp(far))
    caller.invite()
    caller.answered()
    caller.pause(2500)
    caller.bye()
    carrier = sipp(caller, host=CARRIER, to=(HOST, node.port))
    invite = phone.received("INVITE")
    assert f"sip:{FAR}@" in (invite.header("From") or "")
    assert invite.audio is not None
    near.talk_to(*invite.audio)
    there = carrier.answer().audio
    assert there is not None
    far.talk_to(*there)
    wait_for("the phone to hear the caller", lambda: near.hears(1000), within_s=4)
    wait_for("the caller to hear the phone", lambda: far.hears(440), within_s=4)
    carrier.done()
    phone.done()
    record = node.record(carrier.call_id)
    assert record["verdict"] == "answered"
    assert record["attempt_records"][0]["resolved"] == f"UDP {HOST}:{pbx.port}"


def test_the_phone_is_busy(node: Node, pbx: Asterisk, sipp: Start, voice: Speak) -> None:
    callee = Callee()
    callee.invited()
    callee.refuse(486, "Busy Here")
    phone = sipp(callee, host=PHONE_HOST, port=PHONE_PORT)
    caller = Caller(NUMBER, caller=FAR, body=sdp(voice(1000, CARRIER)))
    caller.invite()
    caller.refused(486)
    carrier = sipp(caller, host=CARRIER, to=(HOST, node.port))
    carrier.done()
    phone.done()
    assert node.record(carrier.call_id)["verdict"] == "busy"


def test_the_callee_is_busy(node: Node, pbx: Asterisk, sipp: Start, voice: Speak) -> None:
    callee = Callee()
    callee.invited()
    callee.refuse(486, "Busy Here")
    carrier = sipp(callee, host=CARRIER, port=CARRIER_PORT)
    caller = Caller(f"00{FAR}", caller="100", domain=HOST, body=sdp(voice(440, PHONE_HOST)))
    caller.invite()
    caller.provisional()
    caller.response(486, jump=True)
    caller.response(503, jump=True)
    caller.response(480)
    caller.land()
    caller.ack_refusal()
    phone = sipp(caller, host=PHONE_HOST, port=PHONE_PORT, to=(HOST, pbx.port))
    carrier.done()
    wait_for("the phone's refusal", lambda: [one for one in phone.messages if (one.status or 0) >= 300])


def test_digits_both_ways(node: Node, pbx: Asterisk, sipp: Start, voice: Speak) -> None:
    near = voice(440, PHONE_HOST)
    callee = Callee(body=sdp(near))
    callee.invited()
    callee.accept()
    callee.hung_up()
    phone = sipp(callee, host=PHONE_HOST, port=PHONE_PORT)
    far = voice(1000, CARRIER)
    caller = Caller(NUMBER, caller=FAR, body=sdp(far))
    caller.invite()
    caller.answered()
    caller.pause(4000)
    caller.bye()
    carrier = sipp(caller, host=CARRIER, to=(HOST, node.port))
    inner = phone.received("INVITE").audio
    outer = carrier.answer().audio
    assert inner is not None
    assert outer is not None
    near.talk_to(*inner)
    far.talk_to(*outer)
    wait_for("audio both ways", lambda: near.hears(1000) and far.hears(440), within_s=4)
    far.press("19#")
    wait_for("the phone to get three keys", lambda: near.keys() == [1, 9, 11], within_s=4)
    near.press("28*")
    wait_for("the caller to get three keys", lambda: far.keys() == [2, 8, 10], within_s=4)
    carrier.done()
    phone.done()
