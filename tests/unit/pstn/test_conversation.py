"""What happens in a test phone's call, and what is reported of it."""

import asyncio

import pytest

from tests.unit.net.wire import until
from tests.unit.pstn.ground import Ground, on_ground
from trunkline.call.ports import Tone
from trunkline.media.terminals import Silence
from trunkline.pstn.dialling import PAUSE_S, CallReport, Dialling
from trunkline.pstn.quiet_dialog import QuietDialog
from trunkline.sip.message import Request

TONE = Tone((440.0,))


def test_the_far_end_hangs_up(monkeypatch: pytest.MonkeyPatch) -> None:
    acks: list[Request] = []
    monkeypatch.setattr(QuietDialog, "acknowledged", lambda _self, ack: acks.append(ack))

    async def call(ground: Ground) -> CallReport:
        async with ground.phone(answers=Silence()) as (callee, uri), ground.phone() as (caller, _):
            dialling = asyncio.ensure_future(caller.dial(Dialling(uri, talk_s=5)))
            await until(lambda: acks)
            await callee.close()
            return await dialling

    report = on_ground(call)
    assert (report.answered, report.status, report.outcome) == (True, 200, "the far end hung up")
    assert not report.hung_up_by_us


@pytest.mark.parametrize("info", [False, True])
def test_a_pause_in_digits_is_waited_for_and_not_sent(info: bool) -> None:
    taken: list[CallReport] = []

    async def call(ground: Ground) -> CallReport:
        async with (
            ground.phone(answers=TONE, taken=taken.append) as (_, uri),
            ground.phone() as (caller, _),
        ):
            return await caller.dial(Dialling(uri, digits="w4w2", info=info, talk_s=0.5))

    report = on_ground(call)
    (theirs,) = taken
    assert (theirs.digits_in_info, theirs.hearing.digits) == (("42", "") if info else ("", "42"))
    assert report.talk_s >= 2 * PAUSE_S + 0.4


def test_digits_in_info_are_reported_apart() -> None:
    taken: list[CallReport] = []

    async def call(ground: Ground) -> CallReport:
        async with (
            ground.phone(answers=TONE, taken=taken.append) as (_, uri),
            ground.phone() as (caller, _),
        ):
            return await caller.dial(Dialling(uri, digits="42#", info=True, talk_s=0.2))

    report = on_ground(call)
    assert report.answered
    (theirs,) = taken
    assert (theirs.digits_in_info, theirs.hearing.digits) == ("42#", "")


def test_a_phone_that_rings_first_and_a_caller_that_does_not_wait() -> None:
    taken: list[CallReport] = []

    async def call(ground: Ground) -> list[CallReport]:
        async with (
            ground.phone(answers=TONE, ring_s=0.2, taken=taken.append) as (_, uri),
            ground.phone() as (caller, _),
        ):
            patient = await caller.dial(Dialling(uri, talk_s=0.1))
            hasty = await caller.dial(Dialling(uri, ring_s=0.05))
            await until(lambda: len(taken) == 2)
            return [patient, hasty]

    patient, hasty = on_ground(call)
    assert (patient.answered, hasty.answered) == (True, False)
    rang = {step.what: step.at_s for step in patient.steps}
    assert rang["200 OK"] - rang["180 Ringing"] >= 0.19
    assert [report.outcome for report in taken] == ["the caller hung up", "the caller gave up"]
