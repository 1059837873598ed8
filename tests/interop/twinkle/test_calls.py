"""Calls of Twinkle as a customer's phone, SIPp as the carrier."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.interop.addresses import free_port, wait_for
from tests.interop.audio import PCMA, PCMU, Voice
from tests.interop.cases import Case, Program
from tests.interop.conftest import Speak, Start
from tests.interop.node import DOMAIN, HOST, KEY, Node, running_node
from tests.interop.sipp.program import Sipp
from tests.interop.sipp.scenario import Callee, Caller, sdp
from tests.interop.twinkle.program import Twinkle

pytestmark = pytest.mark.program(Program.TWINKLE)

CARRIER = "127.0.0.20"
PORT = free_port(CARRIER)
NUMBER, FAR = "12125550200", "442071838750"


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    with running_node(tmp_path_factory.mktemp("twinkle") / "node", {"service.digest": ["MD5"]}) as node:
        node.command("carrier", "add", "main", "--gateway", f"sip:{CARRIER}:{PORT}")
        node.command("carrier", "set", "main", "--source", CARRIER)
        node.command("route", "add", "44", "--carrier", "main")
        node.command("number", "add", NUMBER, "--account", KEY, "--forward", f"sip:{KEY}@{DOMAIN}")
        yield node


@pytest.fixture(scope="module")
def phone(node: Node, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Twinkle]:
    """Registered; says 440 Hz."""
    with closing(Twinkle(tmp_path_factory.mktemp("twinkle") / "home", trunk=node.port)) as phone:
        yield phone


class Trial:
    """Calls between a phone and the carrier, which says 1000 Hz."""

    def __init__(self, node: Node, sipp: Start, voice: Speak) -> None:
        self.node = node
        self._sipp = sipp
        self._voice = voice

    def far(self, payload_type: int = PCMU) -> Voice:
        """Somebody at the carrier."""
        return self._voice(1000, CARRIER, payload_type)

    def callee(self, scenario: Callee) -> Sipp:
        """Waits at the carrier."""
        return self._sipp(scenario, host=CARRIER, port=PORT)

    def calls(self, scenario: Caller) -> Sipp:
        """A call from the carrier."""
        return self._sipp(scenario, host=CARRIER, to=(HOST, self.node.port))


@pytest.fixture
def trial(node: Node, sipp: Start, voice: Speak) -> Trial:
    return Trial(node, sipp, voice)


def called(voice: Voice, formats: str = "0 101") -> Callee:
    """A scenario of somebody who is called, up to the INVITE."""
    callee = Callee(body=sdp(voice, formats=formats))
    callee.invited()
    return callee


def hear_each_other(phone: Twinkle, carrier: Sipp, voice: Voice) -> None:
    """From now on."""
    voice.talk_to(*carrier.remote_audio())
    voice.heard.clear()
    wait_for("the carrier to hear the phone", lambda: voice.hears(440))
    wait_for("the phone to hear the carrier", lambda: phone.hears(1000))


@pytest.mark.case(Case.REGISTER)
def test_it_registers(node: Node, phone: Twinkle) -> None:
    """It is asked for MD5 alone: with SHA-256 beside that it gives up, against RFC 8760 §2.4."""
    del phone
    (row,) = node.command("registration", "list")
    assert row["account"] == KEY


@pytest.mark.case(Case.OUT_ENDED_BY_CALLER)
@pytest.mark.case(Case.SHOWN)
@pytest.mark.case(Case.DIGITS)
@pytest.mark.case(Case.PCMU)
def test_a_call_out_with_digits(phone: Twinkle, trial: Trial) -> None:
    far = trial.far()
    callee = called(far)
    callee.ring()
    callee.accept()
    callee.hung_up()
    carrier = trial.callee(callee)
    phone.command(f"call {FAR}")
    hear_each_other(phone, carrier, far)
    phone.command("dtmf 28*")
    wait_for("the callee to get three keys", lambda: far.keys() == [2, 8, 10])
    far.press("5")
    phone.says("DTMF detected: 5")
    phone.command("bye")
    carrier.done()
    assert f"sip:{KEY}@" in (carrier.received("INVITE").header("From") or "")


@pytest.mark.parametrize(
    ("codec", "name"),
    [
        pytest.param("g711a", "PCMA", marks=pytest.mark.case(Case.PCMA)),
        pytest.param("speex-wb", "speex", marks=pytest.mark.case(Case.SPEEX)),
    ],
)
def test_its_own_codecs(node: Node, trial: Trial, tmp_path: Path, codec: str, name: str) -> None:
    """Nothing of what transcodes is used to hear it."""
    far = trial.far(PCMA)
    callee = called(far, formats="8 101")
    callee.accept()
    callee.hung_up()
    carrier = trial.callee(callee)
    with closing(Twinkle(tmp_path / "home", trunk=node.port, codec=codec)) as phone:
        phone.command(f"call {FAR}")
        hear_each_other(phone, carrier, far)
        phone.command("bye")
        carrier.done()
    call_id = node.command("calls", "--limit", "1")[0]["call_id"]
    record = wait_for("the closed record", lambda: node.closed(call_id))
    assert record["caller_media"].startswith(f"{name},")


@pytest.mark.case(Case.OUT_ENDED_BY_CALLEE)
@pytest.mark.case(Case.EARLY_MEDIA)
def test_a_call_out_with_early_media_that_the_callee_ends(phone: Twinkle, trial: Trial) -> None:
    far = trial.far()
    callee = called(far)
    callee.early_media()
    callee.until_told()
    callee.accept()
    callee.until_told()
    callee.bye()
    carrier = trial.callee(callee)
    phone.command(f"call {FAR}")
    far.talk_to(*carrier.remote_audio())
    wait_for("the phone to hear the carrier", lambda: phone.hears(1000))
    carrier.tell()
    hear_each_other(phone, carrier, far)
    carrier.tell()
    carrier.done()
    phone.says("far end ended call")


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        pytest.param(486, "Busy Here", marks=pytest.mark.case(Case.OUT_BUSY)),
        pytest.param(603, "Decline", marks=pytest.mark.case(Case.OUT_DECLINED)),
    ],
)
def test_a_call_out_that_is_refused(phone: Twinkle, trial: Trial, status: int, reason: str) -> None:
    callee = called(trial.far())
    callee.refuse(status, reason)
    carrier = trial.callee(callee)
    phone.command(f"call {FAR}")
    phone.says(f"{status} {reason}")
    carrier.done()


@pytest.mark.case(Case.OUT_CANCELLED)
def test_a_call_out_that_is_given_up(phone: Twinkle, trial: Trial) -> None:
    callee = called(trial.far())
    callee.ring()
    callee.cancelled()
    carrier = trial.callee(callee)
    phone.command(f"call {FAR}")
    phone.says("180 Ringing")
    phone.command("bye")
    carrier.done()


@pytest.mark.case(Case.IN_ENDED_BY_CALLER)
def test_a_call_in_with_digits(phone: Twinkle, trial: Trial) -> None:
    """It answers and sends with the number of our telephone-event of 16000 Hz, and means that of 8000."""
    far = trial.far()
    caller = Caller(NUMBER, caller=FAR, body=sdp(far))
    caller.invite()
    caller.answered()
    caller.until_told()
    caller.bye()
    carrier = _answered(phone, trial, caller)
    hear_each_other(phone, carrier, far)
    phone.command("dtmf 19#")
    wait_for("the caller to get three keys", lambda: far.keys() == [1, 9, 11])
    carrier.tell()
    carrier.done()


def _answered(phone: Twinkle, trial: Trial, caller: Caller) -> Sipp:
    """Whoever calls, once the phone has been picked up."""
    phone.command("line")
    carrier = trial.calls(caller)
    phone.says("incoming call")
    phone.command("answer")
    return carrier


@pytest.mark.case(Case.IN_ENDED_BY_CALLEE)
def test_a_call_in_that_the_phone_ends(phone: Twinkle, trial: Trial) -> None:
    far = trial.far()
    caller = Caller(NUMBER, caller=FAR, body=sdp(far))
    caller.invite()
    caller.answered()
    caller.hung_up()
    carrier = _answered(phone, trial, caller)
    hear_each_other(phone, carrier, far)
    phone.command("bye")
    carrier.done()


@pytest.mark.case(Case.IN_BUSY)
def test_a_call_in_that_the_phone_rejects(phone: Twinkle, trial: Trial) -> None:
    caller = Caller(NUMBER, caller=FAR, body=sdp(trial.far()))
    caller.invite()
    caller.refused(486)
    phone.command("line")
    carrier = trial.calls(caller)
    phone.says("incoming call")
    phone.command("reject")
    carrier.done()


@pytest.mark.case(Case.IN_CANCELLED)
@pytest.mark.case(Case.NO_ANSWER)
def test_a_call_in_that_the_caller_gives_up(phone: Twinkle, trial: Trial) -> None:
    caller = Caller(NUMBER, caller=FAR, body=sdp(trial.far()))
    caller.invite()
    caller.response(100, optional=True)
    caller.response(180)
    caller.cancel()
    carrier = trial.calls(caller)
    carrier.done()
    assert trial.node.record(carrier.call_id)["verdict"] == "cancelled"


@pytest.mark.case(Case.HOLD)
def test_it_holds_and_resumes(phone: Twinkle, trial: Trial) -> None:
    far = trial.far()
    callee = called(far)
    callee.accept()
    for version, direction in ((2, "recvonly"), (3, "sendrecv")):
        callee.request("INVITE")
        callee.agree(sdp(far, formats="0 101", direction=direction, version=version))
    callee.hung_up()
    carrier = trial.callee(callee)
    phone.command(f"call {FAR}")
    hear_each_other(phone, carrier, far)
    phone.command("hold")
    wait_for("the hold", lambda: "a=sendonly" in carrier.received("INVITE").body)
    wait_for("silence", far.hears_nothing)
    phone.command("retrieve")
    wait_for("the resumption", lambda: "a=sendrecv" in carrier.received("INVITE").body)
    hear_each_other(phone, carrier, far)
    phone.command("bye")
    carrier.done()
