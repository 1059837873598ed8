"""The node calls a number of its own."""

import asyncio
from pathlib import Path

import pytest

from tests.unit.node.ground import NUMBER, Ground, on_node
from trunkline.errors import DirectoryError
from trunkline.node.trial_call import TRIAL
from trunkline.store.calls import CallFilter


def test_it_reaches_the_endpoint_and_hears_it(tmp_path: Path) -> None:
    async def call(ground: Ground) -> None:
        report = await ground.face.trial_call(NUMBER)
        assert (report.answered, report.status) == (True, 200)
        assert report.packets_received > 100
        assert report.steps[-1][1] == "we hang up"
        assert await asyncio.to_thread(ground.node.rooms.writer.flush)
        (record,) = ground.node.rooms.store.calls.list(CallFilter(sip_call_id=report.sip_call_id)).calls
        assert (record.number, record.carrier) == (NUMBER, TRIAL.name)
        assert record.caller_media.packets_received > 100

    on_node(tmp_path, call)


def test_a_number_that_nobody_has_is_told(tmp_path: Path) -> None:
    async def call(ground: Ground) -> None:
        report = await ground.face.trial_call("442079460999")
        assert (report.answered, report.status) == (False, 404)

    on_node(tmp_path, call)


def test_one_at_a_time_and_nobody_is_expected_afterwards(tmp_path: Path) -> None:
    async def call(ground: Ground) -> None:
        face = ground.face
        first = asyncio.ensure_future(face.trial_call(NUMBER))
        await asyncio.sleep(0)
        with pytest.raises(DirectoryError, match="under way"):
            await face.trial_call(NUMBER)
        assert (await first).answered
        assert not ground.node.rooms.doorman._guests

    on_node(tmp_path, call)
