"""rtpengine as a `call.ports.MediaEngine`: any number of instances, new calls to those that are up.

A call goes to the instance with the fewest calls by weight, as a whole: the leg `beside` which another one is
opened says which room that is. Two legs that were not opened so can't be bridged. Instances of another region
than the node's are asked when no nearer one has room: audio that crosses an ocean twice is better than none.
"""

import asyncio
import contextlib
import secrets
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from trunkline.call.ports import (
    LegOpener,
    MediaEvents,
    MediaHandle,
    MediaLeg,
    NoFamilyError,
    NoPortsError,
)
from trunkline.clock import Clock
from trunkline.errors import MediaError
from trunkline.media.embedded import Occupancy
from trunkline.media.rtpengine.checkpoint import read, write
from trunkline.media.rtpengine.description import Endpoint
from trunkline.media.rtpengine.digit_log import DigitLog, DigitTold
from trunkline.media.rtpengine.exchange import Exchange
from trunkline.media.rtpengine.instance import Instance, InstanceState
from trunkline.media.rtpengine.leg import RtpengineLeg
from trunkline.media.rtpengine.room import Room, RoomSettings
from trunkline.media.rtpengine.wires import InstanceAddress, OpenWire, open_wire

GIVE_BACK_S: Final = 1.0
"""Waited at the end for rtpengines to take their rooms back."""
FILL_S: Final = 2.0
"""Waited at the start for the rooms that are to be ready."""


@dataclass(frozen=True, slots=True)
class RtpengineSettings:
    """What can be chosen."""

    instances: tuple[InstanceAddress, ...]
    region: str | None = None
    """Where the node stands; None: all instances are as near."""
    ready: int = 16
    """Rooms kept ready at each instance, of each address family."""
    ipv6: bool = False
    """Whether the instances have IPv6 addresses."""
    digits: tuple[str, int] | None = None
    """Address and port where the instances tell of digits; None: they don't."""
    timeout_s: float = 60.0
    """A bridge is reported when no RTP came on either side for this long while audio was expected."""

    @property
    def rooms(self) -> RoomSettings:
        """What each room gets of it."""
        families = (False, True) if self.ipv6 else (False,)
        return RoomSettings(families, self.timeout_s, min(5.0, self.timeout_s / 8))


class RtpengineEngine:
    """A `MediaEngine` over rtpengines. `start` it in the loop that runs its calls, and `close` it there."""

    def __init__(self, settings: RtpengineSettings, clock: Clock) -> None:
        self._clock = clock
        self._families = settings.rooms.families
        self._instances: list[Instance] = []
        self._open: Counter[Endpoint] = Counter()
        """Where legs of this node receive."""
        self._wires: list[OpenWire] = []
        self._changed = asyncio.Event()
        self._digits: DigitLog | None = None
        if settings.digits is not None:
            hosts = {address.host for address in settings.instances}
            self._digits = DigitLog(*settings.digits, hosts, self._digit_told)
        for number, address in enumerate(settings.instances):
            token = f"trunkline-{secrets.token_hex(8)}-{number}"
            exchange = Exchange(clock, token)
            wire = open_wire(address, exchange)
            exchange.wire = wire
            self._wires.append(wire)
            self._instances.append(
                Instance(
                    str(address),
                    exchange,
                    clock,
                    settings.rooms,
                    weight=address.weight,
                    ready=settings.ready,
                    token=token,
                    changed=self._changed.set,
                    region=address.region,
                    near=None in (settings.region, address.region) or address.region == settings.region,
                )
            )

    async def start(self) -> None:
        """Ask every instance, and wait a moment for its rooms. Without any, calls are refused until there
        are some.
        """
        if self._digits is not None:
            self._digits.start()
        for wire in self._wires:
            wire.start()
        for instance in self._instances:
            instance.start()
        await self._until(lambda: all(instance.filled for instance in self._instances), FILL_S)

    def open_leg(self, *, ipv6: bool, events: MediaEvents, beside: MediaLeg | None = None) -> RtpengineLeg:
        """A leg in a room that is ready, or in that of `beside`. Raises `NoPortsError`, or `NoFamilyError`
        for IPv6 where the instances have none.
        """
        if ipv6 not in self._families:
            raise NoFamilyError("the rtpengines have no IPv6 address: see media.rtpengine_ipv6")
        if beside is not None:
            if not isinstance(beside, RtpengineLeg):
                raise MediaError("the other leg is not at an rtpengine")
            side = beside.room.take_callee(ipv6=ipv6)
            if side is None:
                raise NoPortsError("the rtpengine has no port ready for another leg of the call")
            return RtpengineLeg(beside.room, side, events, self._open)
        for instance in sorted(self._instances, key=lambda instance: instance.order):
            room = instance.take(ipv6=ipv6)
            if room is not None:
                return RtpengineLeg(room, room.caller, events, self._open)
        down = [f"{state.name}: {state.reason}" for state in self.states() if not state.up]
        raise NoPortsError(f"no rtpengine has a room ready ({'; '.join(down) or 'all are busy'})")

    def bridge(self, caller: MediaLeg, callee: MediaLeg) -> None:
        """Relay between the two, both ways; a timeout is told of `caller`. Raises `MediaError` for closed
        legs, and for any two but a caller's and one opened beside it.
        """
        if not isinstance(caller, RtpengineLeg) or not isinstance(callee, RtpengineLeg):
            raise MediaError("a bridge needs two legs at an rtpengine")
        caller.must_be_open()
        callee.must_be_open()
        room = caller.room
        if room is not callee.room or caller.side is not room.caller or callee.side is room.caller:
            raise MediaError("a bridge needs a caller's leg and one that was opened beside it")
        room.bridge(callee.side)

    # -- call.ports.LastingMedia -------------------------------------------------------------------

    @property
    def places(self) -> Sequence[str]:
        """See `call.ports.LastingMedia`."""
        return [instance.name for instance in self._instances]

    def handle(self, caller: MediaLeg, callee: MediaLeg) -> MediaHandle | None:
        """See `call.ports.LastingMedia`."""
        if not isinstance(caller, RtpengineLeg) or not isinstance(callee, RtpengineLeg):
            return None
        room = caller.room
        words = write(room, caller.side, callee.side)
        place = next((one.name for one in self._instances if one.room(room.call_id) is room), None)
        return None if words is None or place is None else MediaHandle(place, words)

    def adopt(self, handle: MediaHandle) -> LegOpener:
        """See `call.ports.LastingMedia`."""
        for instance in self._instances:
            if instance.name == handle.place:
                known = read(handle.words)
                if instance.room(known.call_id) is not None:
                    raise MediaError(f"the call {known.call_id} is this node's already")
                return _Adopted(instance.adopt(known), self._open)
        raise MediaError(f"{handle.place} is not an rtpengine of this node: see media.rtpengine")

    def part_with(self, leg: MediaLeg) -> None:
        """See `call.ports.LastingMedia`."""
        if isinstance(leg, RtpengineLeg):
            leg.room.part()

    @property
    def asking(self) -> int:
        """Commands that wait for an answer."""
        return sum(len(instance.exchange) for instance in self._instances)

    def states(self) -> tuple[InstanceState, ...]:
        """How the instances are."""
        return tuple(instance.state() for instance in self._instances)

    def occupancy(self) -> Occupancy:
        """How full it is, in calls: those under way, and room for those to come."""
        states = self.states()
        used = sum(state.rooms for state in states)
        return Occupancy(used, 0, used + sum(state.ready for state in states if state.up))

    def _digit_told(self, told: DigitTold) -> None:
        for instance in self._instances:
            room = instance.room(told.call_id)
            if room is not None:
                room.digit_told(told.tag, told.digit, told.duration_ms)

    async def _until(self, what: Callable[[], bool], for_s: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(for_s):
                while not what():
                    self._changed.clear()
                    await self._changed.wait()

    async def close(self) -> None:
        """End every call, give the rooms back and let go of the wires. Idempotent."""
        for instance in self._instances:
            instance.close()
        await self._until(lambda: all(instance.idle for instance in self._instances), GIVE_BACK_S)
        if self._digits is not None:
            self._digits.close()
        wires, self._wires = self._wires, []
        for wire in wires:
            await wire.close()


class _Adopted:
    """The two legs in a room of another node's."""

    def __init__(self, room: Room, open_legs: Counter[Endpoint]) -> None:
        self._room = room
        self._open = open_legs

    def open_leg(self, *, ipv6: bool, events: MediaEvents, beside: MediaLeg | None = None) -> RtpengineLeg:  # noqa: ARG002 - they are what they are
        """See `call.ports.LegOpener`."""
        room = self._room
        if beside is None:
            return RtpengineLeg(room, room.caller, events, self._open)
        if room.joined is None:
            raise MediaError("the room has no callee")
        return RtpengineLeg(room, room.joined, events, self._open)
