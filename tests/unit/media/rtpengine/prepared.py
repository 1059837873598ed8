"""A room at a paper daemon, ready for a call."""

from base64 import b64decode
from collections import Counter

from tests.contract.media.rigs import Told
from tests.unit.media.rtpengine.paper_daemon import DELAY_S, PaperDaemon
from tests.unit.media.rtpengine.remotes import peer
from tests.unit.virtual_clock import FakeClock
from trunkline.media.rtpengine.description import Endpoint
from trunkline.media.rtpengine.exchange import NgError
from trunkline.media.rtpengine.leg import RtpengineLeg
from trunkline.media.rtpengine.room import Room, RoomSettings

SETTINGS = RoomSettings(timeout_s=10.0, poll_s=1.0)
INSIDE = Endpoint("192.0.2.99", 30_000)
"""Where another leg of ours receives."""


def open_legs() -> Counter[Endpoint]:
    return Counter([INSIDE])


class Owner:
    def __init__(self) -> None:
        self.tells_of_deleted = True
        self.ready: list[Room] = []
        self.lost: list[NgError] = []
        self.ended: list[Room] = []

    def room_ready(self, room: Room) -> None:
        self.ready.append(room)

    def room_lost(self, room: Room, error: NgError) -> None:
        self.lost.append(error)

    def room_ended(self, room: Room) -> None:
        self.ended.append(room)


class Prepared:
    """See the module; `talk` makes a call of it."""

    def __init__(self, settings: RoomSettings = SETTINGS) -> None:
        self.clock = FakeClock()
        self.daemon = PaperDaemon(self.clock)
        self.owner = Owner()
        self.told = Told()
        self.room = Room("c", self.daemon.exchange, self.clock, self.owner, settings, ipv6=False)
        self.room.prepare()
        self.settle()

    def settle(self) -> None:
        self.clock.advance(20 * DELAY_S)

    def open(self) -> RtpengineLeg:
        self.room.watch()
        return RtpengineLeg(self.room, self.room.caller, self.told, open_legs())

    def beside(self) -> RtpengineLeg:
        side = self.room.take_callee(ipv6=False)
        assert side is not None
        return RtpengineLeg(self.room, side, self.told, open_legs())

    def talk(self) -> tuple[RtpengineLeg, RtpengineLeg]:
        caller, callee = self.open(), self.beside()
        self.settle()
        caller.set_remote(peer("198.51.100.1"))
        callee.set_remote(peer("198.51.100.2"))
        self.room.bridge(callee.side)
        self.settle()
        return caller, callee

    @property
    def told_about(self) -> dict[str, str]:
        """Who the daemon takes each side's peer for."""
        return {
            tag: sdp.partition("c=IN IP4 ")[2].partition("\r")[0] for tag, sdp in self.daemon.call.sdp.items()
        }


def assert_keys(one: Prepared, leg: RtpengineLeg) -> None:
    """The daemon uses the keys that a leg was told, or none."""
    remote, tag = leg.side.remote, leg.side.tag
    call = one.daemon.call
    found = tuple(
        b64decode(lines[tag][0].partition("inline:")[2]) if lines.get(tag) else None
        for lines in (call.sent_with, call.heard_with)
    )
    srtp = None if remote is None else remote.srtp
    assert found == ((None, None) if srtp is None else (srtp.send, srtp.receive))
