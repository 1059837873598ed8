"""linphonec transfers a call by the trunk: to a number, and to the far end of its second call; its own audio
is in the clear, or in SRTP.
"""

import json
import sys
from collections.abc import Iterator

import pytest

from tests.interop.addresses import wait_for
from tests.interop.audio import Voice
from tests.interop.cases import Case, Program
from tests.interop.node import DOMAIN
from tests.interop.sipp.program import Sipp
from tests.interop.sipp.scenario import sdp
from tests.interop.softphones.linphone import Linphone
from tests.interop.softphones.trial import (
    FAR,
    THIRD_NUMBER,
    Trial,
    called,
    hear_each_other,
    held_and_resumed,
)

PHONE = Linphone
pytestmark = pytest.mark.program(Program.LINPHONE)


@pytest.fixture(params=["phone", pytest.param("secure_phone", marks=pytest.mark.at_length)])
def transferor(request: pytest.FixtureRequest, trial: Trial) -> Iterator[Linphone]:
    """Either of the two. The other legs are in the clear, so keys in a call are this phone's."""
    yield request.getfixturevalue(request.param)
    call_id, *_ = call_ids = [row["call_id"] for row in trial.node.command("calls", "--limit", "2")]
    for each in call_ids:
        sys.stdout.write(_who_was_heard(trial, each))
    keys = trial.node.run("calls", call_id, "--messages").count("a=crypto:")
    assert (keys >= 2) == (request.param == "secure_phone")


def _who_was_heard(trial: Trial, call_id: str) -> str:
    """For whoever looks at a failure: which side's packets came, and were believed, while it went on."""
    course = trial.node.command("calls", call_id, "--quality")["quality"]
    return f"\n{call_id}: {json.dumps(course)}"


def _joined(*parties: tuple[Sipp, Voice]) -> None:
    """The two that are left hear each other, where they were told to send since."""
    (_, here), (_, there) = parties

    def heard() -> bool:
        for sipp, voice in parties:
            voice.talk_to(*sipp.remote_audio())
        return here.hears(there.frequency) and there.hears(here.frequency)

    wait_for("the two that are left to hear each other", heard, within_s=15, every_s=0.1)


@pytest.mark.case(Case.REFER)
def test_to_a_number(transferor: Linphone, trial: Trial) -> None:
    phone = transferor
    far, there = trial.far(), trial.there()
    callee = called(far)
    callee.accept()
    callee.request("INVITE")
    callee.agree(sdp(far, formats="0 101", version=2))
    callee.hung_up()
    carrier = trial.callee(callee)
    target = called(there)
    target.ring()
    target.accept()
    target.until_told()
    target.bye()
    third = trial.third(target)
    phone.dial(FAR)
    hear_each_other(phone, carrier, far)
    phone.command(f"transfer sip:{THIRD_NUMBER}@{DOMAIN}")
    _joined((carrier, far), (third, there))
    phone.says("Call .* ended")
    third.tell()
    third.done()
    carrier.done()


@pytest.mark.case(Case.REFER_REPLACES)
def test_to_the_far_end_of_its_second_call(transferor: Linphone, trial: Trial) -> None:
    """RFC 5589 §7.3: the first is on hold when it is referred to the second."""
    phone = transferor
    far, there = trial.far(), trial.there()
    callee = called(far)
    callee.accept()
    held_and_resumed(callee, far)
    callee.hung_up()
    carrier = trial.callee(callee)
    target = called(there)
    target.accept()
    target.request("INVITE")
    target.agree(sdp(there, formats="0 101", version=2))
    target.until_told()
    target.bye()
    third = trial.third(target)
    phone.dial(FAR)
    hear_each_other(phone, carrier, far)
    first = phone.call_number()
    phone.command(phone.holds)
    wait_for("the hold", lambda: "a=sendonly" in carrier.received("INVITE").body)
    phone.says("is now paused")
    phone.dial(THIRD_NUMBER)
    hear_each_other(phone, third, there)
    phone.command(f"transfer {first} --to-call {phone.call_number()}")
    _joined((carrier, far), (third, there))
    third.tell()
    third.done()
    carrier.done()
