"""A panic in the native engine, in one call's stream, while another call is up: it costs that call only."""

import asyncio
from pathlib import Path

import pytest

from tests.unit.net.wire import until
from tests.unit.node.ground import CARRIER_HZ, CUSTOMER_HZ, Ground, on_node
from trunkline.call.call import Call
from trunkline.media.embedded import EmbeddedLeg


def call_of(ground: Ground, direction: str) -> Call:
    """The call that is up in this direction."""
    (found,) = [call for call in ground.node.rooms.switch if call.record.direction == direction]
    return found


def test_a_panic_in_one_stream_ends_that_call_only(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    async def both(ground: Ground) -> None:
        face = ground.face
        hurt = asyncio.ensure_future(ground.outbound(talk_s=20))
        other = asyncio.ensure_future(ground.inbound(talk_s=3))
        await until(lambda: sum(call.answered_at is not None for call in face.calls()) == 2)
        leg = call_of(ground, "outbound").caller.media
        assert isinstance(leg, EmbeddedLeg)
        leg.inject_fault()
        ended = await hurt
        assert not ended.hung_up_by_us
        assert [call.direction for call in face.calls()] == ["inbound"]
        survived = await other
        assert survived.hung_up_by_us
        assert survived.heard(CUSTOMER_HZ, 2000)
        again = await ground.outbound()
        assert again.heard(CARRIER_HZ, 100)
        await until(lambda: not face.calls())
        assert face.media_ports().in_use == 0

    on_node(tmp_path, both)
    assert "fault injected" in capfd.readouterr().err
