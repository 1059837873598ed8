"""Nonces that need no memory: the time of issue under a key that all edges share (RFC 7616 §3.3, §5.4).

A nonce is base64 of eight bytes (microseconds since the epoch) and sixteen of their keyed BLAKE2s (RFC 7693)
with the realm. So any edge can tell its own age, and nobody else can make one. `NonceCounts` is the optional
memory on top of it, which refuses a nonce count that has been used (RFC 7616 §3.4: replays).
"""

import hashlib
import hmac
from base64 import b64decode, b64encode


class NonceMint:
    """Issues nonces for one realm and tells their age."""

    __slots__ = ("_keyed",)

    def __init__(self, realm: str, key: bytes) -> None:
        """`key`: 16 or more secret bytes. Raises `ValueError` for a shorter one."""
        if len(key) < 16:
            raise ValueError("the nonce key needs at least 16 bytes")
        derived = hashlib.blake2s(b"nonce" + key).digest()
        self._keyed = hashlib.blake2s(realm.encode() + b"\0", key=derived, digest_size=16)

    def issue(self, wall: float) -> str:
        """A nonce issued at `wall` (seconds since the epoch): 32 characters of base64."""
        stamp = int(wall * 1_000_000).to_bytes(8, "big")
        return b64encode(stamp + self._mac(stamp)).decode("ascii")

    def issued_at(self, nonce: str) -> float | None:
        """When the nonce was issued (seconds since the epoch); None when it isn't of this key and realm."""
        if len(nonce) != 32:
            return None
        try:
            raw = b64decode(nonce, validate=True)
        except ValueError:
            return None
        stamp = raw[:8]
        if len(raw) != 24 or not hmac.compare_digest(raw[8:], self._mac(stamp)):
            return None
        return int.from_bytes(stamp, "big") / 1_000_000

    def _mac(self, stamp: bytes) -> bytes:
        keyed = self._keyed.copy()
        keyed.update(stamp)
        return keyed.digest()


class NonceCounts:
    """Remembers which nonce counts have been used, within a fixed bound.

    Two generations of at most `limit` nonces each. When the newer one is full the older is forgotten, and
    every nonce that could have stood in it counts as used from then on: at worst a client is asked once more,
    never is a replay let through.

    A wall clock that was put back leaves moments in memory that are yet to come. They count as the present
    one: else every nonce would be refused until that time has come again. What was forgotten before such a
    step may be used once more when the clock passes its moment for the second time.
    """

    __slots__ = ("_floor", "_limit", "_newer", "_newest", "_older", "_older_newest", "_wall")

    def __init__(self, limit: int = 65_536) -> None:
        self._limit = limit
        self._newer: dict[str, int] = {}
        self._older: dict[str, int] = {}
        self._newest = 0.0
        self._older_newest = 0.0
        self._floor = 0.0
        self._wall = 0.0

    def take(self, nonce: str, issued_at: float, count: int, wall: float) -> bool:
        """Use `count` of `nonce` at `wall` (seconds since the epoch); False when it or a higher one has been
        used, or nobody can tell.
        """
        if wall < self._wall:
            self._put_back(wall)
        self._wall = wall
        if issued_at <= self._floor:
            return False
        last = self._newer.get(nonce)
        if last is None:
            last = self._older.get(nonce, 0)
        if count <= last:
            return False
        if len(self._newer) >= self._limit and nonce not in self._newer:
            self._floor = self._older_newest
            self._older, self._older_newest = self._newer, self._newest
            self._newer, self._newest = {}, 0.0
            if issued_at <= self._floor:
                return False
        self._newer[nonce] = count
        self._newest = max(self._newest, issued_at)
        return True

    def _put_back(self, wall: float) -> None:
        self._newest = min(self._newest, wall)
        self._older_newest = min(self._older_newest, wall)
        self._floor = min(self._floor, wall)

    def __len__(self) -> int:
        return len(self._newer) + len(self._older)
