"""What every softphone is tried with; what it does in a way of its own is in its module."""

import pytest

from tests.interop.addresses import wait_for
from tests.interop.audio import PCMA
from tests.interop.cases import Case
from tests.interop.node import KEY
from tests.interop.softphones.softphone import Softphone
from tests.interop.softphones.trial import FAR, Trial, called, calling, hear_each_other, held_and_resumed


class Calls:
    """The tests, of the fixture `phone`."""

    notices_keys_when_called = True
    """Whether it tells of keys that it is sent in a call in."""
    silent_on_hold = True

    @pytest.mark.case(Case.OUT_ENDED_BY_CALLER)
    @pytest.mark.case(Case.REGISTER)
    @pytest.mark.case(Case.SHOWN)
    @pytest.mark.case(Case.DIGITS)
    @pytest.mark.case(Case.PCMU)
    def test_a_call_out_with_digits(self, phone: Softphone, trial: Trial) -> None:
        far = trial.far()
        callee = called(far)
        callee.ring()
        callee.accept()
        callee.hung_up()
        carrier = trial.callee(callee)
        phone.dial(FAR)
        hear_each_other(phone, carrier, far)
        phone.command(phone.keys.format(keys="28*"))
        wait_for("the callee to get three keys", lambda: far.keys() == [2, 8, 10])
        far.press("5")
        phone.says(phone.key_came.format(key=5))
        phone.command(phone.hangs_up)
        carrier.done()
        assert f"sip:{KEY}@" in (carrier.received("INVITE").header("From") or "")

    @pytest.mark.case(Case.OUT_ENDED_BY_CALLEE)
    @pytest.mark.case(Case.EARLY_MEDIA)
    def test_a_call_out_with_early_media_that_the_callee_ends(self, phone: Softphone, trial: Trial) -> None:
        far = trial.far()
        callee = called(far)
        callee.early_media()
        callee.until_told()
        callee.accept()
        callee.until_told()
        callee.bye()
        carrier = trial.callee(callee)
        phone.dial(FAR)
        far.talk_to(*carrier.remote_audio())
        wait_for("the phone to hear the carrier", lambda: phone.hears(1000))
        carrier.tell()
        hear_each_other(phone, carrier, far)
        carrier.tell()
        carrier.done()
        phone.says(phone.ended)

    @pytest.mark.parametrize(
        ("status", "reason"),
        [
            pytest.param(486, "Busy Here", marks=pytest.mark.case(Case.OUT_BUSY)),
            pytest.param(603, "Decline", marks=pytest.mark.case(Case.OUT_DECLINED)),
        ],
    )
    def test_a_call_out_that_is_refused(
        self, phone: Softphone, trial: Trial, status: int, reason: str
    ) -> None:
        callee = called(trial.far())
        callee.refuse(status, reason)
        carrier = trial.callee(callee)
        phone.dial(FAR)
        phone.says(phone.refused.format(status=status, reason=reason))
        carrier.done()

    @pytest.mark.case(Case.OUT_CANCELLED)
    def test_a_call_out_that_is_given_up(self, phone: Softphone, trial: Trial) -> None:
        callee = called(trial.far())
        callee.ring()
        callee.cancelled()
        carrier = trial.callee(callee)
        phone.dial(FAR)
        phone.says(phone.far_end_rings)
        phone.command(phone.hangs_up)
        carrier.done()

    @pytest.mark.case(Case.IN_ENDED_BY_CALLER)
    def test_a_call_in_with_digits(self, phone: Softphone, trial: Trial) -> None:
        far = trial.far()
        caller = calling(far)
        caller.answered()
        caller.until_told()
        caller.bye()
        carrier = trial.rings(phone, caller)
        phone.command("answer")
        hear_each_other(phone, carrier, far)
        phone.command(phone.keys.format(keys="19#"))
        wait_for("the caller to get three keys", lambda: far.keys() == [1, 9, 11])
        if self.notices_keys_when_called:
            far.press("5")
            phone.says(phone.key_came.format(key=5))
        carrier.tell()
        carrier.done()

    @pytest.mark.case(Case.IN_ENDED_BY_CALLEE)
    def test_a_call_in_that_the_phone_ends(self, phone: Softphone, trial: Trial) -> None:
        far = trial.far()
        caller = calling(far)
        caller.answered()
        caller.hung_up()
        carrier = trial.rings(phone, caller)
        phone.command("answer")
        hear_each_other(phone, carrier, far)
        phone.command(phone.hangs_up)
        carrier.done()

    @pytest.mark.case(Case.IN_CANCELLED)
    @pytest.mark.case(Case.NO_ANSWER)
    def test_a_call_in_that_the_caller_gives_up(self, phone: Softphone, trial: Trial) -> None:
        caller = calling(trial.far())
        caller.response(100, optional=True)
        caller.response(180)
        caller.cancel()
        carrier = trial.rings(phone, caller)
        carrier.done()
        phone.says(phone.ended)
        assert trial.node.record(carrier.call_id)["verdict"] == "cancelled"

    @pytest.mark.case(Case.HOLD)
    def test_it_holds_and_resumes(self, phone: Softphone, trial: Trial) -> None:
        far = trial.far()
        callee = called(far)
        callee.accept()
        held_and_resumed(callee, far)
        callee.hung_up()
        carrier = trial.callee(callee)
        phone.dial(FAR)
        hear_each_other(phone, carrier, far)
        phone.command(phone.holds)
        wait_for("the hold", lambda: "a=sendonly" in carrier.received("INVITE").body)
        if self.silent_on_hold:
            wait_for("silence", far.hears_nothing)
        else:
            phone.says("is now paused")
        phone.command(phone.resumes)
        wait_for("the resumption", lambda: "a=sendrecv" in carrier.received("INVITE").body)
        hear_each_other(phone, carrier, far)
        phone.command(phone.hangs_up)
        carrier.done()


def refuses(phone: Softphone, trial: Trial, line: str, status: int) -> None:
    """A call in: `line` refuses it."""
    caller = calling(trial.far())
    caller.refused(status)
    carrier = trial.rings(phone, caller)
    phone.command(line)
    carrier.done()


def speaks(phone: Softphone, trial: Trial, codec: str) -> None:
    """The phone's only `codec`, in a call out. Nothing of what transcodes is used to hear it."""
    far = trial.far(PCMA)
    callee = called(far, formats="8 101")
    callee.accept()
    callee.hung_up()
    carrier = trial.callee(callee)
    phone.dial(FAR)
    hear_each_other(phone, carrier, far)
    (call_id,) = wait_for("its record", trial.node.open_calls)
    phone.command(phone.hangs_up)
    carrier.done()
    record = wait_for("the closed record", lambda: trial.node.closed(call_id))
    assert record["caller_media"].startswith(f"{codec},")
