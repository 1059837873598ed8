"""A second node in a `World`, which goes on with the only call of the first."""

import json
from collections.abc import Sequence
from dataclasses import replace

from pydantic import TypeAdapter

from tests.simulation.world import CARRIER, NUMBER, SETTINGS, SimulatedNode, World
from tests.unit.trunk.entities import table
from trunkline.call.call import Call
from trunkline.call.checkpoint import CallCheckpoint, checkpoint, resume
from trunkline.call.ports import LegOpener, MediaHandle, MediaLeg
from trunkline.errors import MediaError
from trunkline.media.fake import FakeEngine
from trunkline.media.fake_leg import FakeLeg
from trunkline.sip.outbound_auth import DigestUser
from trunkline.trunk.account import Account
from trunkline.trunk.directory import Snapshot
from trunkline.trunk.forwarding import ForwardingList
from trunkline.trunk.limits import Admission
from trunkline.trunk.number import Number

SURVIVOR = "10.0.0.9"
FORM = TypeAdapter(CallCheckpoint)


class LastingFake:
    """A fake engine whose legs can be found again: by new ones at the ports of `engine`."""

    def __init__(self, engine: FakeEngine) -> None:
        self.engine = engine
        self.parted: list[MediaLeg] = []

    @property
    def places(self) -> Sequence[str]:
        return ["fake"]

    def handle(self, caller: MediaLeg, callee: MediaLeg) -> MediaHandle | None:
        assert isinstance(caller, FakeLeg)
        assert isinstance(callee, FakeLeg)
        return MediaHandle("fake", json.dumps([caller.port, callee.port]))

    def adopt(self, handle: MediaHandle) -> LegOpener:
        if handle.place not in self.places:
            raise MediaError(f"no {handle.place}")
        assert len(json.loads(handle.words)) == 2
        return self.engine

    def part_with(self, leg: MediaLeg) -> None:
        self.parted.append(leg)


class Survivor(SimulatedNode):
    """The node at `SURVIVOR`, with the directory of the world's first one."""

    def __init__(self, world: World, account: Account) -> None:
        number = Number(NUMBER, account.key, ForwardingList.parse("pbx@10.0.0.2"))
        super().__init__(
            world.network,
            Snapshot((account,), table(number), (CARRIER,), ()),
            address=SURVIVOR,
            settings=replace(SETTINGS, node_name="node-2"),
        )
        self.world = world
        self.account = account
        self.media = LastingFake(self.engine)

    def known(self) -> CallCheckpoint:
        """The first node's word of its call, as it arrives here."""
        first = self.world.node
        known = checkpoint(first.the_call, LastingFake(first.engine))
        assert known is not None
        return FORM.validate_json(FORM.dump_json(known))

    def go_on(
        self,
        known: CallCheckpoint,
        *,
        credentials: DigestUser | None = None,
        admission: Admission | None = None,
        wait_s: float = 1.0,
    ) -> Call:
        """The first node is gone; its call goes on here, `wait_s` later."""
        world = self.world
        world.network.remove(world.node.host)
        world.network.packets.clear()
        self.switch.take_over(
            lambda on_end: resume(
                self.services,
                known,
                self.media,
                self.account,
                admission,
                credentials,
                on_end,
            )
        )
        self.clock.advance(wait_s)
        return self.the_call
