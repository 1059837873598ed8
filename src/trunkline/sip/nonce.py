"""Nonces that need no memory: the time of issue under a key that all edges share (RFC 7616 §3.3, §5.4).

A nonce is base64 of eight bytes (microseconds since the epoch), four for the receiver's address and six for
the edge that issued it, both in a way that only we can tell, and twelve of their keyed BLAKE2s (RFC 7693)
with the realm. So any edge can tell its age, whom it was sent to and who has issued it, and nobody else can
make one: who answers it has that address (RFC 7616 §5.4). `NonceCounts` is the optional memory on top of it,
which refuses a nonce count that has been used (RFC 7616 §3.4: replays). Of a nonce that another edge has
issued, that edge knows which counts were used: who asks it is not decided here.
"""

import hashlib
import hmac
from base64 import b64decode, b64encode
from typing import Final

_ISSUER_BYTES: Final = 6
_SIGNED_BYTES: Final = 8 + 4 + _ISSUER_BYTES
_CHARACTERS: Final = (_SIGNED_BYTES + 12) * 4 // 3
"""Of base64, without padding: a changed character is another nonce."""


class NonceMint:
    """Issues nonces for one realm, and tells their age, whom they were for, and who has issued them."""

    __slots__ = ("_keyed", "issuer")

    def __init__(self, realm: str, key: bytes, edge: str = "") -> None:
        """`key`: 16 or more secret bytes. `edge`: the name of this one. Raises `ValueError` for a shorter
        key.
        """
        if len(key) < 16:
            raise ValueError("the nonce key needs at least 16 bytes")
        derived = hashlib.blake2s(b"nonce" + key).digest()
        self._keyed = hashlib.blake2s(realm.encode() + b"\0", key=derived, digest_size=12)
        self.issuer = self._mac(b"edge" + edge.encode())[:_ISSUER_BYTES].hex()
        """What the nonces of this edge say of it: twelve hexadecimal digits."""

    def issue(self, wall: float, host: str) -> str:
        """A nonce issued at `wall` (seconds since the epoch) for `host`: 40 characters of base64."""
        signed = int(wall * 1_000_000).to_bytes(8, "big") + self._tag(host) + bytes.fromhex(self.issuer)
        return b64encode(signed + self._mac(signed)).decode("ascii")

    def issued_at(self, nonce: str) -> float | None:
        """When the nonce was issued (seconds since the epoch); None when it isn't of this key and realm."""
        signed = self._signed(nonce)
        return None if signed is None else int.from_bytes(signed[:8], "big") / 1_000_000

    def is_for(self, nonce: str, host: str) -> bool:
        """Whether the nonce is of this key and realm, and was issued for `host`."""
        signed = self._signed(nonce)
        return signed is not None and hmac.compare_digest(signed[8:12], self._tag(host))

    def issuer_of(self, nonce: str) -> str | None:
        """The `issuer` of the edge that has issued the nonce; None when it isn't of this key and realm."""
        signed = self._signed(nonce)
        return None if signed is None else signed[12:].hex()

    def receipt(self, question: str, nonce: str, count: int) -> str:
        """What only an edge with this key can say: that `count` of `nonce` was taken in answer to
        `question`.
        """
        return self._mac(f"receipt {count} {nonce} {question}".encode()).hex()

    def _signed(self, nonce: str) -> bytes | None:
        """Stamp, tag and issuer, if they are ours."""
        if len(nonce) != _CHARACTERS:
            return None
        try:
            raw = b64decode(nonce, validate=True)
        except ValueError:
            return None
        signed, mac = raw[:_SIGNED_BYTES], raw[_SIGNED_BYTES:]
        return signed if hmac.compare_digest(mac, self._mac(signed)) else None

    def _tag(self, host: str) -> bytes:
        return self._mac(b"host" + host.encode())[:4]

    def _mac(self, signed: bytes) -> bytes:
        keyed = self._keyed.copy()
        keyed.update(signed)
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

    def __init__(self, limit: int = 65_536, since: float = 0.0) -> None:
        """What was issued until `since` (seconds since the epoch) may have been used before this memory
        began: it counts as used.
        """
        self._limit = limit
        self._newer: dict[str, int] = {}
        self._older: dict[str, int] = {}
        self._newest = 0.0
        self._older_newest = 0.0
        self._floor = since
        self._wall = since

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
