"""Kamailio before a customer's PBX, with what `trunkline pbx kamailio` writes: it answers challenges for the
PBX, which SIPp plays, and lets in what comes from the trunk.
"""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.interop.addresses import wait_for
from tests.interop.cases import Case, Program
from tests.interop.conftest import Speak, Start
from tests.interop.kamailio.sbc import CARRIER, FAR, NUMBER, Sbc, Trial, as_root, sbc
from tests.interop.node import HOST
from tests.interop.sipp.scenario import sdp

pytestmark = [pytest.mark.program(Program.KAMAILIO), as_root]


@pytest.fixture(scope="module")
def before_pbx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sbc]:
    with sbc(tmp_path_factory.mktemp("sbc")) as made:
        yield made


@pytest.fixture
def trial(before_pbx: Sbc, sipp: Start, voice: Speak) -> Trial:
    return Trial(before_pbx, sipp, voice)


@pytest.mark.case(Case.OUT_ENDED_BY_CALLER)
@pytest.mark.case(Case.INTERNATIONAL)
@pytest.mark.case(Case.SHOWN)
@pytest.mark.case(Case.HOLD)
@pytest.mark.case(Case.DIGITS)
def test_a_call_out_with_hold_and_digits(trial: Trial) -> None:
    callee = trial.callee(trial.far)
    callee.accept()
    for version, direction in ((2, "recvonly"), (3, "sendrecv")):
        callee.request("INVITE")
        callee.agree(sdp(trial.far, direction=direction, version=version))
    callee.hung_up()
    caller = trial.dials()
    caller.answered()
    for version, direction in ((2, "sendonly"), (3, "sendrecv")):
        caller.until_told()
        caller.in_dialog("INVITE", body=sdp(trial.near, direction=direction, version=version))
        caller.provisional()
        caller.response(200)
        caller.ack()
    caller.until_told()
    caller.bye()
    pbx, carrier = trial.out(caller, callee)
    trial.hear_each_other(pbx, carrier)
    trial.far.press("19#")
    trial.near.press("28*")
    wait_for("the PBX to get three keys", lambda: trial.near.keys() == [1, 9, 11])
    wait_for("the carrier to get three keys", lambda: trial.far.keys() == [2, 8, 10])
    pbx.tell()
    wait_for("the hold", lambda: "a=sendonly" in carrier.received("INVITE").body)
    pbx.tell()
    wait_for("the resumption", lambda: "a=sendrecv" in carrier.received("INVITE").body)
    trial.near.heard.clear()
    trial.far.heard.clear()
    trial.hear_each_other(pbx, carrier)
    pbx.tell()
    pbx.done()
    carrier.done()
    invite = carrier.received(f"INVITE sip:{FAR}@")
    assert f"sip:{NUMBER}@" in (invite.header("From") or "")


@pytest.mark.case(Case.OUT_ENDED_BY_CALLEE)
@pytest.mark.case(Case.EARLY_MEDIA)
def test_a_call_out_with_early_media_that_the_callee_ends(trial: Trial) -> None:
    callee = trial.callee(trial.far)
    callee.early_media()
    callee.until_told()
    callee.accept()
    callee.until_told()
    callee.bye()
    caller = trial.dials()
    caller.answered()
    caller.hung_up()
    pbx, carrier = trial.out(caller, callee)
    trial.near.talk_to(*pbx.remote_audio())  # what a PBX sends meanwhile, for the path back
    trial.far.talk_to(*carrier.remote_audio())
    wait_for("the PBX to hear the carrier", lambda: trial.near.hears(1000))
    carrier.tell()
    pbx.answer()
    trial.hear_each_other(pbx, carrier)
    carrier.tell()
    pbx.done()
    carrier.done()


@pytest.mark.case(Case.OUT_CANCELLED)
def test_a_call_out_that_is_given_up(trial: Trial) -> None:
    callee = trial.callee(trial.far)
    callee.ring()
    callee.cancelled()
    caller = trial.dials()
    caller.response(100, optional=True)
    caller.response(180)
    caller.cancel(in_order=False)
    for sipp in trial.out(caller, callee):
        sipp.done()


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        pytest.param(
            486, "Busy Here", marks=[pytest.mark.case(Case.OUT_BUSY), pytest.mark.case(Case.IN_BUSY)]
        ),
        pytest.param(
            *(603, "Decline"),
            marks=[pytest.mark.case(Case.OUT_DECLINED), pytest.mark.case(Case.IN_DECLINED)],
        ),
    ],
)
def test_calls_that_are_refused(trial: Trial, status: int, reason: str) -> None:
    callee = trial.callee(trial.far)
    callee.refuse(status, reason)
    caller = trial.dials()
    caller.refused(status)
    for sipp in trial.out(caller, callee):
        sipp.done()
    callee = trial.callee(trial.near)
    callee.refuse(status, reason)
    caller = trial.calls()
    caller.refused(status)
    for sipp in trial.comes(caller, callee):
        sipp.done()


@pytest.mark.case(Case.IN_ENDED_BY_CALLER)
@pytest.mark.case(Case.SHOWN)
def test_a_call_in_that_the_caller_ends(trial: Trial) -> None:
    pbx, carrier = trial.call_in()
    carrier.tell()
    pbx.done()
    carrier.done()
    invite = pbx.received(f"INVITE sip:{NUMBER}@")
    assert f"sip:{FAR}@" in (invite.header("From") or "")


@pytest.mark.case(Case.IN_ENDED_BY_CALLEE)
def test_a_call_in_that_the_callee_ends(trial: Trial) -> None:
    callee = trial.callee(trial.near)
    callee.accept()
    callee.until_told()
    callee.bye()
    caller = trial.calls()
    caller.answered()
    caller.hung_up()
    pbx, carrier = trial.comes(caller, callee)
    trial.hear_each_other(pbx, carrier)
    pbx.tell()
    pbx.done()
    carrier.done()


@pytest.mark.case(Case.IN_CANCELLED)
@pytest.mark.case(Case.NO_ANSWER)
def test_a_call_in_that_is_given_up(trial: Trial) -> None:
    callee = trial.callee(trial.near)
    callee.ring()
    callee.cancelled()
    caller = trial.calls()
    caller.response(100, optional=True)
    caller.response(180)
    caller.cancel()
    for sipp in trial.comes(caller, callee):
        sipp.done()


def test_a_stranger_is_not_let_in(before_pbx: Sbc, trial: Trial, sipp: Start) -> None:
    caller = trial.calls()
    caller.refused(403)
    sipp(caller, host=CARRIER, to=(HOST, before_pbx.port)).done()


@pytest.mark.parametrize("tag", ["", ";tag=1"])
def test_a_stranger_is_relayed_nowhere(before_pbx: Sbc, tag: str) -> None:
    """Nor within a call that he makes up, by a Route through Kamailio."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger, elsewhere() as other:
        stranger.bind(("127.0.0.14", 0))
        stranger.settimeout(5)
        here, there = (f"{host}:{port}" for host, port in (stranger.getsockname(), other.getsockname()))
        head = (
            f"INVITE sip:{NUMBER}@{there} SIP/2.0",
            f"Via: SIP/2.0/UDP {here};branch=z9hG4bK{len(tag)}",
            f"Route: <sip:{HOST}:{before_pbx.port};lr>",
            "Max-Forwards: 70",
            "From: <sip:a@b.invalid>;tag=1",
            f"To: <sip:{NUMBER}@b.invalid>{tag}",
            f"Call-ID: stranger{len(tag)}",
            "CSeq: 1 INVITE",
            f"Contact: <sip:a@{here}>",
            "Content-Length: 0",
        )
        stranger.sendto("\r\n".join((*head, "", "")).encode(), (HOST, before_pbx.port))
        assert stranger.recv(4096).startswith(b"SIP/2.0 403 ")
        with pytest.raises(BlockingIOError):
            other.recv(4096)


@contextmanager
def elsewhere() -> Iterator[socket.socket]:
    """Somebody whom a stranger would like to have called."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.15", 0))
        other.setblocking(False)
        yield other
