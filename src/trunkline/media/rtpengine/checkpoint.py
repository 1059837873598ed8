"""What another node needs to go on with a room at the same rtpengine: its name there, and of the two sides
that are joined in it, the caller's and the callee's, the tag, the port, our key and what is blocked; also of
the sides that are ready for another callee. To have one made would take the caller from the callee for a
moment.

The rtpengine itself needs nothing: it goes on forwarding, whoever has asked it to. What it was told of the
peers follows from the call's descriptions (`call.checkpoint`), and is said again by the node that goes on:
the same words change nothing.
"""

import json
from typing import Final, NamedTuple

from trunkline.errors import MediaError
from trunkline.media.rtpengine.description import Endpoint
from trunkline.media.rtpengine.room import Room
from trunkline.media.rtpengine.side import EVERYTHING, Side

MADE_MEANWHILE: Final = 1000
"""More sides than a node can have had made in a room since its last word: they have numbers."""


class SideCheckpoint(NamedTuple):
    """One side."""

    tag: str
    address: str
    port: int
    key: str
    """Our key for what its peer is sent, in hexadecimal digits; empty for plain RTP."""
    blocked: tuple[str, ...] = ()
    """What its peer sends that goes nowhere."""

    @property
    def ipv6(self) -> bool:
        """Its address family."""
        return ":" in self.address

    @classmethod
    def of(cls, side: Side) -> "SideCheckpoint | None":
        """Of a side that has a port."""
        if side.endpoint is None or side.closed:
            return None
        key = "" if side.key is None else side.key.hex()
        return cls(side.tag, *side.endpoint, key, tuple(sorted(side.blocked)))

    def side(self) -> Side:
        """As it goes on here."""
        side = Side(self.tag, ipv6=self.ipv6)
        side.endpoint = Endpoint(self.address, self.port)
        side.key = bytes.fromhex(self.key) or None
        side.blocked = EVERYTHING & frozenset(self.blocked)
        return side


class RoomCheckpoint(NamedTuple):
    """One room."""

    call_id: str
    made: int
    """How many callees' sides it has had made."""
    caller: SideCheckpoint
    callee: SideCheckpoint
    spares: tuple[SideCheckpoint, ...] = ()

    def resume(self, room: Room) -> None:
        """Let a room that nobody has used go on with it."""
        spares = [spare.side() for spare in self.spares]
        room.adopt(self.caller.side(), self.callee.side(), spares, self.made + MADE_MEANWHILE)


def write(room: Room, caller: Side, callee: Side) -> str | None:
    """The words of `call.ports.MediaHandle`; None unless the two are the room's, and joined."""
    if room.ended or caller is not room.caller or callee is not room.bridged or callee is not room.joined:
        return None
    near, far = SideCheckpoint.of(caller), SideCheckpoint.of(callee)
    if near is None or far is None:
        return None
    spares = filter(None, map(SideCheckpoint.of, room.spares))
    sides = [[*side[:-1], *side.blocked] for side in (near, far, *spares)]
    return json.dumps([room.call_id, room.made, *sides])


def read(words: str) -> RoomCheckpoint:
    """What `write` has written. Raises `MediaError` for anything else."""
    try:
        match json.loads(words):
            case [str(call_id), int(made), near, far, *spares]:
                return RoomCheckpoint(call_id, made, _side(near), _side(far), tuple(map(_side, spares)))
    except ValueError:
        pass
    raise MediaError(f"no room: {words!r:.100}")


def _side(values: object) -> SideCheckpoint:
    match values:
        case [str(tag), str(address), int(port), str(key), *blocked]:
            bytes.fromhex(key)
            return SideCheckpoint(tag, address, port, key, tuple(map(str, blocked)))
    raise ValueError("no side")
