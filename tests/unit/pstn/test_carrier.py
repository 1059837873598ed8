"""The simulated carrier's numbers, called over the loopback."""

import asyncio

import pytest

from tests.unit.net.wire import until
from tests.unit.pstn.ground import Ground, on_ground
from trunkline.call.ports import Tone
from trunkline.media.terminals import Silence, Source
from trunkline.pstn import carrier as carrier_module
from trunkline.pstn.dialling import CallReport, Dialling
from trunkline.pstn.numbering import TONE_HZ
from trunkline.pstn.quiet_dialog import QuietDialog
from trunkline.sip.message import Request

QUIET = Silence()


def dialled(number: str, *, say: Source = QUIET, talk_s: float = 0.2, **more: object) -> CallReport:
    """What a phone reports of a call to `number`."""

    async def call(ground: Ground) -> CallReport:
        async with (
            ground.phone() as (phone, own),
            ground.carrier(own) as (carrier, number_uri),
        ):
            report = await phone.dial(
                Dialling(
                    number_uri(number),
                    say=say,
                    listen_for=(440.0, TONE_HZ),
                    talk_s=talk_s,
                    **more,  # type: ignore[arg-type]
                )
            )
            await until(lambda: len(carrier) == 0)
            return report

    return on_ground(call)


def test_the_tone() -> None:
    report = dialled("9992000", talk_s=1.0)
    assert report.answered
    assert report.heard(TONE_HZ, 150)
    assert not report.heard(440.0, 1)


def test_the_echo() -> None:
    report = dialled("+9991000", say=Tone((440.0,)), talk_s=1.0)
    assert report.heard(440.0, 150)
    assert not report.heard(TONE_HZ, 1)


@pytest.mark.parametrize(
    ("number", "status"),
    [("9995000", 486), ("9996503", 503), ("9996603", 603), ("12025550123", 404)],
)
def test_refusals(number: str, status: int) -> None:
    assert dialled(number).status == status


def test_an_offer_that_can_not_be_used_is_488_and_keeps_no_port() -> None:
    assert dialled("9992000", codecs=()).status == 488


def test_one_that_rings_for_ever_is_given_up() -> None:
    report = dialled("9994000", ring_s=0.2)
    assert not report.answered
    assert "180 Ringing" in [step.what for step in report.steps]


def test_one_that_answers_later() -> None:
    report = dialled("9993000")
    assert report.answered


def test_one_that_hangs_up() -> None:
    report = dialled("9997000", talk_s=5)
    assert (report.answered, report.outcome, report.hung_up_by_us) == (True, "the far end hung up", False)


@pytest.mark.parametrize("digits", ["999812025550123", "9998000"])
def test_one_that_calls_back(monkeypatch: pytest.MonkeyPatch, digits: str) -> None:
    monkeypatch.setattr(carrier_module, "CALL_BACK_S", 0.05)
    monkeypatch.setattr(carrier_module, "INBOUND_TALK_S", 0.2)
    taken: list[CallReport] = []

    async def call(ground: Ground) -> CallReport:
        async with (
            ground.phone(answers=Silence(), listen_for=(TONE_HZ,), taken=taken.append) as (phone, own),
            ground.carrier(own) as (_, number_uri),
        ):
            report = await phone.dial(Dialling(number_uri(digits), caller="+12025550123", talk_s=5))
            await until(lambda: taken)
            return report

    report = on_ground(call)
    assert report.outcome == "the far end hung up"
    (inbound,) = taken
    assert inbound.heard(TONE_HZ, 100)


def test_closing_hangs_up(monkeypatch: pytest.MonkeyPatch) -> None:
    acks: list[Request] = []
    monkeypatch.setattr(QuietDialog, "acknowledged", lambda _self, ack: acks.append(ack))

    async def call(ground: Ground) -> CallReport:
        async with ground.phone() as (phone, own), ground.carrier(own) as (carrier, number_uri):
            dialling = asyncio.ensure_future(phone.dial(Dialling(number_uri("9992000"), talk_s=5)))
            await until(lambda: acks)
            await carrier.close()
            return await dialling

    assert on_ground(call).outcome == "the far end hung up"
