"""How calls of baresip begin and end."""

import pytest

from tests.interop.addresses import wait_for
from tests.interop.baresip.conftest import CARRIER, NUMBER, PORT, Phone
from tests.interop.cases import Case, Program
from tests.interop.conftest import Speak, Start
from tests.interop.node import DOMAIN, HOST, Node
from tests.interop.sipp.scenario import Callee, Caller, sdp

pytestmark = pytest.mark.program(Program.BARESIP)


@pytest.mark.case(Case.OUT_BUSY)
def test_the_carrier_is_busy(node: Node, phone: Phone, sipp: Start) -> None:
    callee = Callee()
    callee.invited()
    callee.refuse(486, "Busy Here")
    carrier = sipp(callee, host=CARRIER, port=PORT)
    caller = phone()
    caller.command("dial", f"sip:442071838753@{DOMAIN}")
    closed = caller.event("CALL_CLOSED")
    assert "486" in closed["param"]
    carrier.done()


@pytest.mark.case(Case.IN_BUSY)
@pytest.mark.case(Case.IN_CANCELLED)
@pytest.mark.case(Case.NO_ANSWER)
def test_the_phone_is_busy_and_the_caller_gives_up(
    node: Node, phone: Phone, sipp: Start, voice: Speak
) -> None:
    called = phone(answer="manual")
    caller = Caller(NUMBER, caller="442071838750", body=sdp(voice(1000, CARRIER)))
    caller.invite()
    caller.response(100, optional=True)
    caller.response(180)
    caller.cancel()
    carrier = sipp(caller, host=CARRIER, to=(HOST, node.port))
    called.event("CALL_INCOMING")
    carrier.done()
    called.event("CALL_CLOSED")
    assert node.record(carrier.call_id)["verdict"] == "cancelled"

    caller = Caller(NUMBER, caller="442071838750", body=sdp(voice(1000, CARRIER)))
    caller.invite()
    caller.refused(486)
    carrier = sipp(caller, host=CARRIER, to=(HOST, node.port))
    called.event("CALL_INCOMING", 2)
    called.command("hangup")
    carrier.done()
    assert node.record(carrier.call_id)["verdict"] == "busy"


@pytest.mark.case(Case.OUT_ENDED_BY_CALLEE)
@pytest.mark.case(Case.EARLY_MEDIA)
def test_early_media_and_the_callee_hangs_up(node: Node, phone: Phone, sipp: Start, voice: Speak) -> None:
    ear = voice(1000, CARRIER)
    callee = Callee(body=sdp(ear))
    callee.invited()
    callee.early_media()
    callee.until_told()
    callee.accept()
    callee.until_told()
    callee.bye()
    carrier = sipp(callee, host=CARRIER, port=PORT)
    caller = phone()
    caller.command("dial", f"sip:442071838755@{DOMAIN}")
    ear.talk_to(*carrier.remote_audio())
    caller.event("CALL_PROGRESS")
    wait_for("baresip to hear the callee", lambda: caller.hears(1000))
    carrier.tell()
    caller.event("CALL_ESTABLISHED")
    wait_for("the callee to hear baresip", lambda: ear.hears(440))
    carrier.tell()
    carrier.done()
    caller.event("CALL_CLOSED")


@pytest.mark.case(Case.OUT_CANCELLED)
def test_baresip_gives_up(node: Node, phone: Phone, sipp: Start, voice: Speak) -> None:
    callee = Callee(body=sdp(voice(1000, CARRIER)))
    callee.invited()
    callee.ring()
    callee.cancelled()
    carrier = sipp(callee, host=CARRIER, port=PORT)
    caller = phone()
    caller.command("dial", f"sip:442071838756@{DOMAIN}")
    caller.event("CALL_RINGING")
    caller.command("hangup")
    carrier.done()


@pytest.mark.case(Case.OUT_DECLINED)
def test_the_callee_declines(node: Node, phone: Phone, sipp: Start) -> None:
    callee = Callee()
    callee.invited()
    callee.refuse(603, "Decline")
    carrier = sipp(callee, host=CARRIER, port=PORT)
    caller = phone()
    caller.command("dial", f"sip:442071838757@{DOMAIN}")
    assert "603" in caller.event("CALL_CLOSED")["param"]
    carrier.done()


@pytest.mark.case(Case.IN_ENDED_BY_CALLEE)
def test_baresip_hangs_up(node: Node, phone: Phone, sipp: Start, voice: Speak) -> None:
    mouth = voice(1000, CARRIER)
    called = phone()
    caller = Caller(NUMBER, caller="442071838750", body=sdp(mouth))
    caller.invite()
    caller.answered()
    caller.hung_up()
    carrier = sipp(caller, host=CARRIER, to=(HOST, node.port))
    mouth.talk_to(*carrier.remote_audio())
    wait_for("baresip to hear the caller", lambda: called.hears(1000))
    wait_for("the caller to hear baresip", lambda: mouth.hears(440))
    called.command("hangup")
    carrier.done()
