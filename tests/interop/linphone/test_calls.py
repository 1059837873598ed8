"""Calls of linphonec as a customer's phone, SIPp as the carrier."""

from contextlib import closing
from pathlib import Path

import pytest

from tests.interop.addresses import wait_for
from tests.interop.audio import PCMA
from tests.interop.cases import Case, Program
from tests.interop.linphone.conftest import FAR, NUMBER, SECURE_NUMBER, Trial, called, dial, hear_each_other
from tests.interop.linphone.program import Linphone
from tests.interop.node import KEY, Node
from tests.interop.sipp.scenario import Caller, sdp

pytestmark = pytest.mark.program(Program.LINPHONE)


@pytest.mark.case(Case.OUT_ENDED_BY_CALLER)
@pytest.mark.case(Case.REGISTER)
@pytest.mark.case(Case.SHOWN)
def test_a_call_out(phone: Linphone, trial: Trial) -> None:
    far = trial.carrier_voice()
    callee = called(far)
    callee.ring()
    callee.accept()
    callee.hung_up()
    carrier = trial.callee(callee)
    dial(phone)
    hear_each_other(phone, carrier, far)
    phone.command("terminate")
    carrier.done()
    assert f"sip:{KEY}@" in (carrier.received("INVITE").header("From") or "")


@pytest.mark.parametrize(
    ("codec", "name"),
    [
        pytest.param("PCMA (8000)", "PCMA", marks=pytest.mark.case(Case.PCMA)),
        pytest.param("PCMU (8000)", "PCMU", marks=pytest.mark.case(Case.PCMU)),
        pytest.param("G722 (8000)", "G722", marks=pytest.mark.case(Case.G722)),
        pytest.param("G729 (8000)", "G729", marks=pytest.mark.case(Case.G729)),
        pytest.param("speex (16000)", "speex", marks=pytest.mark.case(Case.SPEEX)),
    ],
)
def test_its_own_codecs(node: Node, trial: Trial, tmp_path: Path, codec: str, name: str) -> None:
    """Nothing of what transcodes is used to hear it."""
    far = trial.carrier_voice(PCMA)
    callee = called(far, formats="8 101")
    callee.accept()
    callee.hung_up()
    carrier = trial.callee(callee)
    with closing(Linphone(tmp_path / "home", trunk=node.port, only=codec)) as phone:
        dial(phone)
        hear_each_other(phone, carrier, far)
        phone.command("terminate")
        carrier.done()
    call_id = node.command("calls", "--limit", "1")[0]["call_id"]
    record = wait_for("the closed record", lambda: node.closed(call_id))
    assert record["caller_media"].startswith(f"{name},")


@pytest.mark.case(Case.OUT_ENDED_BY_CALLEE)
@pytest.mark.case(Case.EARLY_MEDIA)
def test_a_call_out_with_early_media_that_the_callee_ends(phone: Linphone, trial: Trial) -> None:
    far = trial.carrier_voice()
    callee = called(far)
    callee.early_media()
    callee.until_told()
    callee.accept()
    callee.until_told()
    callee.bye()
    carrier = trial.callee(callee)
    dial(phone)
    far.talk_to(*carrier.remote_audio())
    wait_for("the phone to hear the carrier", lambda: phone.hears(1000))
    carrier.tell()
    hear_each_other(phone, carrier, far)
    carrier.tell()
    carrier.done()
    phone.says("Call .* ended")


@pytest.mark.case(Case.OUT_CANCELLED)
def test_a_call_out_that_is_given_up(phone: Linphone, trial: Trial) -> None:
    callee = called(trial.carrier_voice())
    callee.ring()
    callee.cancelled()
    carrier = trial.callee(callee)
    dial(phone)
    phone.says("Call .* ringing")
    phone.command("terminate")
    carrier.done()


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        pytest.param(486, "Busy Here", marks=pytest.mark.case(Case.OUT_BUSY)),
        pytest.param(603, "Decline", marks=pytest.mark.case(Case.OUT_DECLINED)),
    ],
)
def test_a_call_out_that_is_refused(phone: Linphone, trial: Trial, status: int, reason: str) -> None:
    callee = called(trial.carrier_voice())
    callee.refuse(status, reason)
    carrier = trial.callee(callee)
    dial(phone)
    phone.says("User is busy|Call declined|Call .* (error|ended)")
    carrier.done()


@pytest.mark.case(Case.IN_ENDED_BY_CALLER)
@pytest.mark.case(Case.DIGITS)
def test_a_call_in_with_digits(phone: Linphone, trial: Trial) -> None:
    far = trial.carrier_voice()
    caller = Caller(NUMBER, caller=FAR, body=sdp(far))
    caller.invite()
    caller.answered()
    caller.until_told()
    caller.bye()
    phone.command("autoanswer enable")
    carrier = trial.calls(caller)
    hear_each_other(phone, carrier, far)
    phone.command("19#")
    wait_for("the caller to get three keys", lambda: far.keys() == [1, 9, 11])
    far.press("5")
    phone.says("Receiving tone 5")
    carrier.tell()
    carrier.done()


@pytest.mark.case(Case.IN_ENDED_BY_CALLEE)
def test_a_call_in_that_the_phone_ends(phone: Linphone, trial: Trial) -> None:
    far = trial.carrier_voice()
    caller = Caller(NUMBER, caller=FAR, body=sdp(far))
    caller.invite()
    caller.answered()
    caller.hung_up()
    phone.command("autoanswer enable")
    carrier = trial.calls(caller)
    hear_each_other(phone, carrier, far)
    phone.command("terminate")
    carrier.done()


@pytest.mark.case(Case.IN_DECLINED)
def test_a_call_in_that_the_phone_declines(phone: Linphone, trial: Trial) -> None:
    caller = Caller(NUMBER, caller=FAR, body=sdp(trial.carrier_voice()))
    caller.invite()
    caller.refused(603)
    phone.command("autoanswer disable")
    carrier = trial.calls(caller)
    phone.says("Receiving new incoming call")
    phone.command("terminate")
    carrier.done()


@pytest.mark.case(Case.IN_CANCELLED)
@pytest.mark.case(Case.NO_ANSWER)
def test_a_call_in_that_the_caller_gives_up(phone: Linphone, trial: Trial) -> None:
    caller = Caller(NUMBER, caller=FAR, body=sdp(trial.carrier_voice()))
    caller.invite()
    caller.response(100, optional=True)
    caller.response(180)
    caller.cancel()
    phone.command("autoanswer disable")
    carrier = trial.calls(caller)
    phone.says("Receiving new incoming call")
    carrier.done()
    phone.says("Call .* ended")


@pytest.mark.case(Case.HOLD)
def test_it_holds_and_resumes(phone: Linphone, trial: Trial) -> None:
    far = trial.carrier_voice()
    callee = called(far)
    callee.accept()
    for version, direction in ((2, "recvonly"), (3, "sendrecv")):
        callee.request("INVITE")
        callee.agree(sdp(far, formats="0 101", direction=direction, version=version))
    callee.hung_up()
    carrier = trial.callee(callee)
    dial(phone)
    hear_each_other(phone, carrier, far)
    phone.command("pause")
    wait_for("the hold", lambda: "a=sendonly" in carrier.received("INVITE").body)
    phone.says("is now paused")
    phone.command("resume")
    wait_for("the resumption", lambda: "a=sendrecv" in carrier.received("INVITE").body)
    hear_each_other(phone, carrier, far)
    phone.command("terminate")
    carrier.done()


@pytest.mark.case(Case.TLS)
@pytest.mark.case(Case.SRTP)
def test_calls_by_tls_with_srtp(secure_phone: Linphone, trial: Trial) -> None:
    far = trial.carrier_voice()
    callee = called(far)
    callee.accept()
    callee.hung_up()
    carrier = trial.callee(callee)
    dial(secure_phone)
    hear_each_other(secure_phone, carrier, far)
    secure_phone.command("terminate")
    carrier.done()
    caller = Caller(SECURE_NUMBER, caller=FAR, body=sdp(far))
    caller.invite()
    caller.answered()
    caller.until_told()
    caller.bye()
    secure_phone.command("autoanswer enable")
    carrier = trial.calls(caller)
    hear_each_other(secure_phone, carrier, far)
    carrier.tell()
    carrier.done()
    attempt = trial.node.record(carrier.call_id)["attempt_records"][0]
    assert attempt["resolved"].startswith("TLS ")
