"""What a customer's Asterisk does with a call besides answering it: forward, transfer, hold, early media."""

import pytest

from tests.interop.addresses import wait_for
from tests.interop.asterisk.own_files import (
    CODEC_KEYS,
    FEATURES,
    FORWARDED,
    FORWARDED_LATER,
    MUSIC_HZ,
    REFERRED,
)
from tests.interop.asterisk.stage import FAR_HZ, HEARD_S, NEAR_HZ, Stage, ended, hear_each_other
from tests.interop.asterisk.trunk import FAR, THIRD_NUMBER
from tests.interop.cases import Case
from tests.interop.node import HOST
from tests.interop.sipp.program import Sipp
from tests.interop.sipp.scenario import Callee, Caller, answer_lines, sdp


def _answers(callee: Callee) -> None:
    callee.ring()
    callee.accept()
    callee.hung_up()


def _agrees(caller: Caller, stage: Stage, version: int, direction: str) -> None:
    caller.request("INVITE")
    caller.agree(sdp(stage.far, direction=direction, version=version))


@pytest.mark.parametrize(
    ("extension", "rings"),
    [
        pytest.param(FORWARDED, False, marks=pytest.mark.case(Case.FORWARD_ALWAYS), id="always"),
        pytest.param(FORWARDED_LATER, True, marks=pytest.mark.case(Case.FORWARD_NO_ANSWER), id="later"),
    ],
)
def test_a_forwarded_call(stage: Stage, extension: str, rings: bool) -> None:
    """It comes in and goes out over the same trunk."""
    third = stage.third(_answers)
    callee = stage.callee(stage.near)
    callee.ring()
    callee.cancelled()
    phone = stage.at_phone(callee) if rings else None
    caller = stage.calls(extension)
    caller.answered()
    caller.until_told()
    caller.bye()
    carrier = stage.from_carrier(caller)
    hear_each_other(carrier, third)
    carrier.sipp.tell()
    ended(carrier, third, *filter(None, [phone]))


@pytest.mark.case(Case.BLIND_TRANSFER)
def test_a_blind_transfer_by_the_phone(stage: Stage) -> None:
    """The phone's REFER is its PBX's business: the trunk has one call more, and one less for the phone."""
    third = stage.third(_answers)
    callee = stage.callee(stage.near)
    callee.accept()
    callee.until_told()
    callee.in_dialog(
        "REFER",
        [f"Refer-To: <sip:00{THIRD_NUMBER}@{HOST}:{stage.pbx.port}>", "Referred-By: <sip:100@127.0.0.11>"],
    )
    callee.response(202)
    for _ in range(1 if stage.pbx.pbx.chan_sip else 3):  # its end; also trying and ringing
        callee.request("NOTIFY")
        callee.send(answer_lines(200, "OK", tag=""))
    callee.bye()
    phone = stage.at_phone(callee)
    caller = stage.calls(FEATURES)
    caller.answered()
    caller.until_told()
    caller.bye()
    carrier = stage.from_carrier(caller)
    hear_each_other(carrier, phone)
    phone.sipp.tell()
    hear_each_other(carrier, third)
    carrier.sipp.tell()
    ended(phone, carrier, third)


@pytest.mark.case(Case.CONSULTATIVE_TRANSFER)
def test_a_consultative_transfer_by_the_phone(stage: Stage) -> None:
    """*2 and the number, a word with the third, and the phone hangs up: the two left hear each other."""
    third = stage.third(_answers)
    callee = stage.callee(stage.near)
    callee.accept()
    callee.until_told()
    callee.bye()
    phone = stage.at_phone(callee)
    caller = stage.calls(FEATURES)
    caller.answered()
    caller.until_told()
    caller.bye()
    carrier = stage.from_carrier(caller)
    hear_each_other(carrier, phone)
    stage.near.press(f"*200{THIRD_NUMBER}#")
    hear_each_other(phone, third)
    phone.sipp.tell()
    ended(phone)
    hear_each_other(carrier, third)
    carrier.sipp.tell()
    ended(carrier, third)


def _holds(stage: Stage, *, passed_on: bool) -> tuple[Callee, Caller]:
    """Scenarios of a phone that is called, holds and resumes, and of its caller, who is asked for that where
    it is passed on.
    """
    callee = stage.callee(stage.near)
    callee.accept()
    caller = stage.calls()
    caller.answered()
    for version, direction in ((2, "sendonly"), (3, "sendrecv")):
        callee.until_told()
        callee.in_dialog("INVITE", body=sdp(stage.near, direction=direction, version=version))
        callee.response(100, optional=True)
        callee.response(200)
        callee.ack()
        if passed_on:
            _agrees(caller, stage, version, "recvonly" if direction == "sendonly" else "sendrecv")
    return callee, caller


@pytest.mark.case(Case.HOLD)
def test_either_side_holds_and_resumes(stage: Stage) -> None:
    """A phone's hold is its PBX's business; the caller's reaches the PBX. Both hear music meanwhile."""
    callee, caller = _holds(stage, passed_on=False)
    for version, direction in ((2, "sendonly"), (3, "sendrecv")):
        caller.until_told()
        caller.in_dialog("INVITE", body=sdp(stage.far, direction=direction, version=version))
        caller.provisional()
        caller.response(200)
        caller.ack()
    caller.until_told()
    caller.bye()
    callee.hung_up()
    phone = stage.at_phone(callee)
    carrier = stage.from_carrier(caller)
    hear_each_other(carrier, phone)

    stage.near.hush()
    phone.sipp.tell()
    wait_for("the music", lambda: stage.far.hears(MUSIC_HZ), within_s=HEARD_S)
    phone.sipp.tell()
    hear_each_other(carrier, phone)

    stage.far.hush()
    carrier.sipp.tell()
    wait_for("the hold's answer", lambda: _last_answer(carrier.sipp, "a=recvonly"))
    wait_for("the music at the phone", lambda: stage.near.hears(MUSIC_HZ), within_s=HEARD_S)
    carrier.sipp.tell()
    wait_for("the answer", lambda: _last_answer(carrier.sipp, "a=sendrecv"))
    hear_each_other(carrier, phone)
    carrier.sipp.tell()
    ended(carrier, phone)


def test_a_hold_that_is_passed_on(stage: Stage) -> None:
    """`moh_passthrough`, which is not the default: the caller is asked to hear nothing."""
    if stage.pbx.pbx.chan_sip:
        pytest.skip("chan_sip has no such setting")
    callee, caller = _holds(stage, passed_on=True)
    caller.until_told()
    caller.bye()
    callee.hung_up()
    with stage.pbx.passing_holds_on():
        phone = stage.at_phone(callee)
        carrier = stage.from_carrier(caller)
        hear_each_other(carrier, phone)
        stage.near.hush()
        phone.sipp.tell()
        wait_for("silence from the phone", stage.far.hears_nothing, within_s=HEARD_S)
        wait_for("the hold", lambda: "a=sendonly" in carrier.sipp.received("INVITE").body)
        phone.sipp.tell()
        hear_each_other(carrier, phone)
        carrier.sipp.tell()
        ended(carrier, phone)


def _last_answer(sipp: Sipp, direction: str) -> bool:
    answers = [item for item in sipp.messages if not item.sent and item.status == 200]
    return direction in answers[-1].body


@pytest.mark.case(Case.EARLY_MEDIA)
def test_the_callee_is_heard_before_the_answer(stage: Stage) -> None:
    callee = stage.callee(stage.far)
    callee.early_media()
    callee.until_told()
    callee.accept()
    callee.hung_up()
    carrier = stage.at_carrier(callee)
    caller = stage.dials(f"00{FAR}")
    caller.answered()
    caller.until_told()
    caller.bye()
    phone = stage.from_phone(caller)
    carrier.talk()
    wait_for("the phone to hear the far end", lambda: stage.near.hears(FAR_HZ), within_s=HEARD_S)
    carrier.sipp.tell()
    hear_each_other(phone, carrier)
    phone.sipp.tell()
    ended(phone, carrier)


@pytest.mark.case(Case.EARLY_MEDIA)
def test_the_phone_is_heard_before_the_answer(stage: Stage) -> None:
    callee = stage.callee(stage.near)
    callee.early_media()
    callee.until_told()
    callee.accept()
    callee.hung_up()
    phone = stage.at_phone(callee)
    caller = stage.calls()
    caller.answered()
    caller.until_told()
    caller.bye()
    carrier = stage.from_carrier(caller)
    phone.talk()
    wait_for("the caller to hear the phone", lambda: stage.far.hears(NEAR_HZ), within_s=HEARD_S)
    phone.sipp.tell()
    hear_each_other(carrier, phone)
    carrier.sipp.tell()
    ended(carrier, phone)


@pytest.mark.case(Case.REFER)
def test_the_pbx_refers_a_caller_to_another_number(stage: Stage) -> None:
    """The PBX is out of the call afterwards."""
    before = stage.pbx.channels()
    third = stage.third(_answers)
    caller = stage.calls(REFERRED)
    caller.answered()
    _agrees(caller, stage, 2, "sendrecv")
    caller.until_told()
    caller.bye()
    carrier = stage.from_carrier(caller)
    hear_each_other(carrier, third)
    wait_for("the PBX to be out", lambda: stage.pbx.channels() == before)
    carrier.sipp.tell()
    ended(carrier, third)
    assert stage.node.record(carrier.sipp.call_id)["attempts"] == 2


@pytest.mark.parametrize(
    ("codec", "name"),
    [
        pytest.param("ulaw", "PCMU", marks=pytest.mark.case(Case.PCMU)),
        pytest.param("alaw", "PCMA", marks=pytest.mark.case(Case.PCMA)),
        pytest.param("g722", "G722", marks=pytest.mark.case(Case.G722)),
        pytest.param("speex16", "speex", marks=pytest.mark.case(Case.SPEEX)),
    ],
)
def test_a_codec_between_pbx_and_trunk(stage: Stage, codec: str, name: str) -> None:
    """The PBX has its own; the trunk turns it into what the carrier has."""
    phone, carrier = stage.call_out(f"*5{CODEC_KEYS[codec]}00{FAR}")
    phone.sipp.tell()
    ended(phone, carrier)
    wait_for(f"a record that names {name}", lambda: _last_codec(stage) == name)


def _last_codec(stage: Stage) -> str:
    """Of the last call, on the side of the PBX, as its record has it once it is closed."""
    record = stage.node.closed(stage.node.command("calls", "--limit", "1")[0]["call_id"])
    return "" if record is None else str(record["caller_media"].partition(",")[0])
