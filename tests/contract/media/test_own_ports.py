"""A leg whose peer is another leg of ours: a PBX that passes a call on to us and has direct media says so of
both its calls. What came from one of our ports never goes on to one, so nothing runs in a circle.
"""

from dataclasses import replace

from tests.contract.media.rigs import Rig, Told, figures_of, open_pair, remote_at
from trunkline.call.ports import MediaLeg, SrtpKeys

PBX = "198.51.100.7"
"""Where the SIP of both its calls comes from."""
KEYS = (bytes(range(30)), bytes(range(30, 60)))


def points_at(leg: MediaLeg, other: MediaLeg, **changes: object) -> None:
    """The PBX says that `other` is the peer of `leg`."""
    there = remote_at(
        other.address, other.port, payload_types={8: 8, 101: 101}, signalled_from=PBX, **changes
    )
    leg.set_remote(there)


def sends(keys: tuple[bytes, bytes]) -> SrtpKeys:
    return SrtpKeys(send=keys[0], receive=keys[1], receive_mki=b"", receive_lifetime=1 << 48)


class Met:
    """Two calls. The callee's leg of the first and the caller's of the second have each other as peers."""

    def __init__(self, rig: Rig, *, secure: bool = False) -> None:
        self.first, self.last = rig.peer(), rig.peer()
        self.caller, self.a = open_pair(rig, Told())
        self.b, self.callee = open_pair(rig, Told())
        both = {"payload_types": {8: 8, 101: 101}}
        self.caller.set_remote(replace(self.first.remote, **both))  # type: ignore[arg-type]
        self.callee.set_remote(replace(self.last.remote, **both))  # type: ignore[arg-type]
        points_at(self.a, self.b, srtp=sends(KEYS) if secure else None)
        points_at(self.b, self.a, srtp=sends(KEYS[::-1]) if secure else None)
        rig.engine.bridge(self.caller, self.a)
        rig.engine.bridge(self.b, self.callee)
        rig.settle()

    def hears(self, rig: Rig, *, caller: bool) -> bool:
        """One of the two outside sends three packets, and the other one gets them."""
        near, far, leg = (
            (self.last, self.first, self.callee) if caller else (self.first, self.last, self.caller)
        )
        near.send(leg, 8, 3)
        got: list[int] = []
        rig.until(lambda: got.extend(far.received()) or len(got) >= 3)  # type: ignore[func-returns-value]
        return got == [8, 8, 8]


def test_two_calls_that_have_each_other_as_peers_are_heard(rig: Rig) -> None:
    met = Met(rig)
    assert met.hears(rig, caller=False)
    assert met.hears(rig, caller=True)
    assert met.hears(rig, caller=False)


def test_so_they_are_with_srtp_between_them(rig: Rig) -> None:
    met = Met(rig, secure=True)
    assert met.hears(rig, caller=False)
    assert met.hears(rig, caller=True)


def test_no_circle_comes_of_four_legs_that_are_each_others_peers(rig: Rig) -> None:
    """Whatever was under way when the last of them was pointed at ours, and though one says something."""
    met = Met(rig)
    assert met.hears(rig, caller=False)
    assert met.hears(rig, caller=True)
    met.first.send(met.caller, 8, 20)
    points_at(met.caller, met.callee)
    points_at(met.callee, met.caller)
    met.last.send(met.callee, 8, 20)
    met.first.send(met.caller, 8, 20)
    rig.settle()
    met.a.send_digits("1")
    legs = (met.caller, met.a, met.b, met.callee)
    for _ in range(100):
        before = [figures_of(leg) for leg in legs]
        rig.pass_time(0.4)
        if before == [figures_of(leg) for leg in legs]:
            break
    else:
        raise AssertionError(f"it runs in a circle: {before}")
    assert max(sent for _, sent in before) < 100
