"""Two phones on the loopback: one call each way of ending, and what they report of it."""

import pytest

from tests.unit.net.wire import until
from tests.unit.pstn.ground import Ground, on_ground
from trunkline.call.ports import Tone
from trunkline.media.terminals import Silence
from trunkline.pstn.dialling import CallReport, Dialling
from trunkline.sip.name_addr import NameAddr

TONE, OTHER_TONE = Tone((440.0,)), Tone((620.0,))


def outcome(report: CallReport) -> tuple[bool, int | None, str]:
    return report.answered, report.status, report.outcome


def test_a_call_that_is_answered_both_hear_and_both_report() -> None:
    taken: list[CallReport] = []

    async def call(ground: Ground) -> CallReport:
        async with (
            ground.phone(answers=TONE, listen_for=(620.0,), taken=taken.append) as (_, uri),
            ground.phone() as (caller, _),
        ):
            return await caller.dial(
                Dialling(uri, say=OTHER_TONE, listen_for=(440.0,), digits="42", talk_s=0.2)
            )

    report = on_ground(call)
    assert outcome(report) == (True, 200, "answered, and we hung up")
    assert report.hung_up_by_us
    assert report.codec == "PCMA"
    assert report.heard(440.0, 150)
    assert not report.heard(440.0, 5000)
    assert report.talk_s >= 0.19
    assert [step.what for step in report.steps if step.what[0] in "12"] == ["180 Ringing", "200 OK"]
    (theirs,) = taken
    assert outcome(theirs) == (True, 200, "the caller hung up")
    assert theirs.hearing.digits == "42"
    assert theirs.heard(620.0, 150)


@pytest.mark.parametrize(("refuse_with", "status"), [(486, 486), (603, 603), (None, 480)])
def test_a_call_that_is_refused(refuse_with: int | None, status: int) -> None:
    async def call(ground: Ground) -> CallReport:
        async with ground.phone(refuse_with=refuse_with) as (_, uri), ground.phone() as (caller, _):
            return await caller.dial(Dialling(uri))

    report = on_ground(call)
    assert (report.answered, report.status) == (False, status)
    assert report.outcome.startswith(str(status))


def test_nothing_in_common_is_488_and_keeps_no_port() -> None:
    async def call(ground: Ground) -> CallReport:
        async with ground.phone(answers=Silence()) as (_, uri), ground.phone() as (caller, _):
            return await caller.dial(Dialling(uri, codecs=()))

    assert on_ground(call).status == 488


def test_nobody_there_is_told_from_a_refusal() -> None:
    async def call(ground: Ground) -> CallReport:
        async with ground.phone() as (_, uri):
            pass
        async with ground.phone() as (caller, _):
            return await caller.dial(Dialling(uri, ring_s=3))

    report = on_ground(call)
    assert (report.answered, report.status) == (False, None)
    assert "refused" in report.outcome or "unreachable" in report.outcome.lower()


def test_options_is_answered_and_other_methods_are_not_served() -> None:
    statuses: list[int] = []

    async def ask(ground: Ground) -> None:
        async with ground.phone() as (_, uri), ground.phone() as (asker, own):
            for method in ("OPTIONS", "REGISTER"):
                asker.station.agent.request(
                    method,
                    uri,
                    from_=NameAddr(None, own),
                    to=NameAddr(None, uri),
                    on_response=lambda response: statuses.append(response.status),
                    on_failure=lambda _failure: statuses.append(0),
                )
            await until(lambda: len(statuses) == 2)

    on_ground(ask)
    assert statuses == [200, 405]
