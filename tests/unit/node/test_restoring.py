"""What a node knows again when it starts."""

from pathlib import Path
from typing import cast

import pytest

from tests.unit.node.ground import (
    Installation,
    in_loop,
    running,
)
from tests.unit.virtual_clock import FakeClock
from trunkline.config import Settings
from trunkline.net.admission import Evidence, Gate
from trunkline.node import restoring, wiring
from trunkline.node.rooms import Rooms
from trunkline.store.bans import StoredBan


class Paper:
    """Rooms with a gate and a clock, where bans of operators may last as long as they said."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.settings = Settings.parse("[limits]\nban_s = 300\n")
        self.gate = Gate(self.clock, wiring.gate_settings(self.settings))

    def until_s(self, *bans: StoredBan) -> list[float]:
        """How long each lasts, once they were taken over."""
        restoring.shut_out(cast("Rooms", self), bans)
        return [ban.deadline - self.clock.now() for ban in self.gate.bans()]


def test_a_wall_clock_that_was_wrong_makes_no_ban_longer() -> None:
    paper = Paper()
    in_an_hour = paper.clock.wall() + 3600
    ordered = StoredBan("192.0.2.1", "abuse", int(Evidence.ORDERED), 0.0, in_an_hour)
    earned = StoredBan("192.0.2.2", "flood", int(Evidence.SPOOFABLE), 0.0, in_an_hour)
    assert paper.until_s(ordered, earned) == pytest.approx([3600, 300])


def test_a_ban_that_holds_already_stays_as_it_is() -> None:
    paper = Paper()
    paper.gate.ban("192.0.2.1", "a flood", evidence=Evidence.PROVEN, for_s=10)
    again = StoredBan("192.0.2.1", "abuse", int(Evidence.ORDERED), 0.0, None)
    assert paper.until_s(again) == pytest.approx([10])


def test_it_starts_again_where_it_was_stopped_with_its_bans(tmp_path: Path) -> None:
    installation = Installation.make(tmp_path)

    async def twice() -> None:
        async with running(installation) as ground:
            ground.node.rooms.gate.ban("192.0.2.7", "a test", evidence=Evidence.ORDERED)
            ground.node.rooms.gate.ban("192.0.2.8", "a test", evidence=Evidence.ORDERED)
            assert ground.node.lift_ban("192.0.2.8")
            assert not ground.node.lift_ban("192.0.2.8")
        async with running(installation) as ground:
            assert [ban.source for ban in ground.face.bans()] == ["192.0.2.7"]

    in_loop(twice())
