"""Calls of Linphone."""

from contextlib import closing
from pathlib import Path

import pytest

from tests.interop.cases import Case, Program
from tests.interop.softphones.calls import Calls, refuses, speaks
from tests.interop.softphones.linphone import Linphone
from tests.interop.softphones.trial import FAR, SECURE_NUMBER, Trial, called, calling, hear_each_other

PHONE = Linphone
pytestmark = pytest.mark.program(Program.LINPHONE)


class TestCalls(Calls):
    """Its hold has a sound of its own."""

    silent_on_hold = False


@pytest.mark.case(Case.IN_DECLINED)
def test_a_call_in_that_it_declines(phone: Linphone, trial: Trial) -> None:
    refuses(phone, trial, "terminate", 603)


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
def test_its_own_codecs(trial: Trial, tmp_path: Path, codec: str, name: str) -> None:
    with closing(Linphone(tmp_path / "home", trunk=trial.node.port, codec=codec)) as phone:
        speaks(phone, trial, name)


@pytest.mark.case(Case.TLS)
@pytest.mark.case(Case.SRTP)
def test_calls_by_tls_with_srtp(secure_phone: Linphone, trial: Trial) -> None:
    far = trial.far()
    callee = called(far)
    callee.accept()
    callee.hung_up()
    carrier = trial.callee(callee)
    secure_phone.dial(FAR)
    hear_each_other(secure_phone, carrier, far)
    secure_phone.command(secure_phone.hangs_up)
    carrier.done()
    caller = calling(far, SECURE_NUMBER)
    caller.answered()
    caller.until_told()
    caller.bye()
    carrier = trial.rings(secure_phone, caller)
    secure_phone.command("answer")
    hear_each_other(secure_phone, carrier, far)
    carrier.tell()
    carrier.done()
    attempt = trial.node.record(carrier.call_id)["attempt_records"][0]
    assert attempt["resolved"].startswith("TLS ")
