"""One rtpengine: whether it is well, and the rooms that it keeps ready for calls to come.

Every `HEALTH_S` it is asked something. While it has a room ready, that is asked about: an rtpengine that was
restarted answers a ping as if nothing had happened, but doesn't know the room any more. It is down from the
first answer that doesn't come, and up again with the next that does. Down, it is given no new calls; calls on
it go on for as long as `Room` puts up with the silence, for their audio needs no answers.
"""

import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from trunkline.clock import Clock, Timer
from trunkline.media.rtpengine.checkpoint import RoomCheckpoint
from trunkline.media.rtpengine.exchange import (
    Answer,
    Exchange,
    NgError,
    NgRefusedError,
    NgUnreachableError,
)
from trunkline.media.rtpengine.room import Room, RoomSettings

_log = logging.getLogger(__name__)

HEALTH_S: Final = 1.0
MAX_READY_S: Final = 1800.0
"""A room waits for a call: rtpengine deletes one without audio after an hour (`--silent-timeout`)."""
MAX_MAKING: Final = 8
"""Rooms being made at the same time, of each address family."""


@dataclass(frozen=True, slots=True)
class InstanceState:
    """For metrics, screens and health."""

    name: str
    up: bool
    reason: str
    """Why it is down; empty while it is up."""
    rooms: int
    """Calls on it."""
    ready: int
    """Rooms that wait for a call; none while it is asked whether it still knows them."""
    latency_ms: float | None
    """From command to answer, lately; None before the first answer."""
    region: str | None = None
    """Where it stands."""
    near: bool = True
    """Whether it serves before those that are not: it is of this node's region, or of none."""

    def __str__(self) -> str:
        place = self.name if self.region is None else f"{self.name} ({self.region})"
        if not self.up:
            return f"{place} down: {self.reason}"
        latency = "" if self.latency_ms is None else f", {self.latency_ms:.1f} ms"
        return f"{place} up, {self.rooms} calls, {self.ready} ready{latency}"


class Instance:
    """See the module."""

    def __init__(
        self,
        name: str,
        exchange: Exchange,
        clock: Clock,
        settings: RoomSettings,
        *,
        weight: int,
        ready: int,
        token: str,
        changed: Callable[[], None],
        region: str | None = None,
        near: bool = True,
    ) -> None:
        """`ready`: rooms kept ready of each address family. `token` begins the names of its rooms. `changed`
        is called when a room has become ready or has ended. `near`: see `InstanceState`.
        """
        self._changed = changed
        self.name = name
        self.weight = weight
        self.region = region
        self.near = near
        self.exchange = exchange
        self.up = False
        self.reason = "not asked yet"
        self.tells_of_deleted = False
        self._clock = clock
        self._settings = settings
        self._wanted = ready
        self._token = token
        self._serial = 0
        self._making: dict[Room, bool] = {}
        self._ready: dict[bool, deque[Room]] = {ipv6: deque() for ipv6 in settings.families}
        self._used: dict[str, Room] = {}
        self._looked_for: frozenset[str] = frozenset()
        """Calls of before a restart. That they are lost says nothing of the rooms that are ready since."""
        self._timer: Timer | None = None
        self._refused = False
        self._doubted = False
        self._closing = False

    def start(self) -> None:
        """Ask from now on."""
        self._check()

    def take(self, *, ipv6: bool) -> Room | None:
        """A room for a call; None when it has none ready or is down."""
        ready = self._ready.get(ipv6)
        if not self.up or self._doubted or not ready:
            return None
        room = ready.popleft()
        self._used[room.call_id] = room
        room.watch()
        self._refill()
        return room

    def adopt(self, known: RoomCheckpoint) -> Room:
        """A room of another node, whose call goes on here."""
        room = Room(known.call_id, self.exchange, self._clock, self, self._settings, ipv6=known.caller.ipv6)
        known.resume(room)
        self._used[room.call_id] = room
        return room

    def state(self) -> InstanceState:
        """How it is."""
        latency_s = self.exchange.latency_s
        return InstanceState(
            self.name,
            self.up,
            "" if self.up else self.reason,
            len(self._used),
            0 if self._doubted else sum(len(rooms) for rooms in self._ready.values()),
            None if latency_s is None else latency_s * 1000,
            self.region,
            self.near,
        )

    def room(self, call_id: str) -> Room | None:
        """The room of a call that is up."""
        return self._used.get(call_id)

    @property
    def filled(self) -> bool:
        """True when as many rooms are ready as are wanted."""
        return all(len(rooms) >= self._wanted for rooms in self._ready.values())

    @property
    def order(self) -> tuple[bool, float]:
        """The least gets the next call: near ones first, then by this node's calls by weight, with one
        more.
        """
        return not self.near, (len(self._used) + 1) / self.weight

    def close(self) -> None:
        """End every call, and give every room back. `idle` says when that has been done."""
        self._closing = True
        if self._timer is not None:
            self._timer.cancel()
        for rooms in self._ready.values():
            self._used.update((room.call_id, room) for room in rooms)
            rooms.clear()
        for room in list(self._used.values()):
            room.close_all()

    @property
    def idle(self) -> bool:
        """True when nothing is asked any more and no room is open, or nobody can be asked."""
        return not self.up or not (self._used or self._making)

    # -- health ------------------------------------------------------------------------------------

    def _check(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        oldest = next((rooms[0] for rooms in self._ready.values() if rooms), None)
        if oldest is None:
            self.exchange.ask("ping", {}, self._checked)
        else:
            self.exchange.ask("query", {"call-id": oldest.call_id}, self._checked)

    def _checked(self, outcome: Answer | NgError) -> None:
        if self._closing:
            return
        self._looked_for = frozenset()
        if isinstance(outcome, NgRefusedError):
            _log.warning("rtpengine %s does not know its calls any more: it was restarted", self.name)
            for rooms in self._ready.values():
                rooms.clear()
            self._look_for_calls()
            outcome = {}
        self._doubted = False
        if isinstance(outcome, NgError):
            self._is_down(outcome)
        elif not self.up:
            self.up = True
            _log.info("rtpengine %s is up", self.name)
        self._renew()
        self._refused = False
        self._refill()
        self._timer = self._clock.at(self._clock.now() + HEALTH_S, self._check)

    def _renew(self) -> None:
        """Give back a room that has waited for long; another one takes its place."""
        for rooms in self._ready.values():
            if self.up and rooms and self._clock.now() - rooms[0].ready_at > MAX_READY_S:
                self._give_back(rooms.popleft())

    def _give_back(self, room: Room) -> None:
        self._used[room.call_id] = room
        room.close_all()

    def _look_for_calls(self) -> None:
        """It may have lost those that are up, too: each is asked for, all within `HEALTH_S`."""
        now = self._clock.now()
        self._looked_for = frozenset(self._used)
        for place, room in enumerate(self._used.values()):
            room.look_by(now + HEALTH_S * place / len(self._used))

    def _is_down(self, error: NgError) -> None:
        self.reason = str(error)
        if self.up:
            self.up = False
            _log.warning("rtpengine %s is down: %s", self.name, error)

    # -- rooms ---------------------------------------------------------------------------------------

    def _refill(self) -> None:
        if not self.up or self._closing or self._refused:
            return
        for ipv6, rooms in self._ready.items():
            making = sum(1 for family in self._making.values() if family is ipv6)
            for _ in range(min(self._wanted - len(rooms), MAX_MAKING) - making):
                self._serial += 1
                call_id = f"{self._token}-{self._serial}"
                room = Room(call_id, self.exchange, self._clock, self, self._settings, ipv6=ipv6)
                self._making[room] = ipv6
                room.prepare()

    def room_ready(self, room: Room) -> None:
        """It waits for a call now."""
        ipv6 = self._making.pop(room, None)
        if ipv6 is None:
            return
        if self._closing:
            self._give_back(room)
            return
        self._ready[ipv6].append(room)
        self._refill()
        self._changed()

    def room_lost(self, room: Room, error: NgError) -> None:
        """No more are made until the next check, if it was one in the making. If it was a call's, the rooms
        that are ready may be lost as well: that is asked before another call gets one.
        """
        if self._making.pop(room, None) is not None:
            self._refused = True
            if isinstance(error, NgRefusedError):
                _log.warning("rtpengine %s makes no room for calls: %s", self.name, error)
        elif isinstance(error, NgRefusedError) and self._casts_doubt(room):
            self._doubted = True
            self._check()
        self._used.pop(room.call_id, None)
        if isinstance(error, NgUnreachableError):
            self._is_down(error)
        self._changed()

    def room_ended(self, room: Room) -> None:
        """Its call is over."""
        self._used.pop(room.call_id, None)
        self._changed()

    def _casts_doubt(self, room: Room) -> bool:
        return room.call_id in self._used and room.call_id not in self._looked_for and not self._doubted
