"""The SRTP keys of one leg: which of ours goes with which of its peer's (RFC 4568 §7.1.4).

A leg makes a key of its own when it first needs one, and keeps it as long as the peer keeps its own: then it
goes on with the same stream. A peer that comes with another key may be another machine by now, which can't
know how far our stream has come: the key that answers it is a new one too, and begins a new stream.

What stands is known again when what came after it was refused, so the last few pairs are kept. Which key the
peer has is the leg's to say: it stands in the peer's description.
"""

from collections.abc import Callable
from typing import NamedTuple

KEYS_KEPT = 4
"""More than stand at any time: what was, and what is being agreed on and may be refused."""


class KeyBook(NamedTuple):
    """The SRTP keys that a leg has made."""

    pairs: tuple[tuple[bytes, bytes], ...]
    """Each key of the peer, and ours beside it."""
    offered: bytes
    """Ours in the last offer, if that was of SRTP."""

    def __repr__(self) -> str:
        return "KeyBook(…)"


class LegKeys:
    """See the module. A key is `sdp.crypto.KEY_AND_SALT_OCTETS` octets; the peer's is `b""` before it has
    one.
    """

    __slots__ = ("_beside", "make", "offered")

    def __init__(self, make: Callable[[], bytes]) -> None:
        """`make` gives a fresh random key at each call."""
        self.make = make
        self.offered = b""
        """Ours in the last offer, if that was of SRTP."""
        self._beside: dict[bytes, bytes] = {}

    def beside(self, theirs: bytes) -> bytes:
        """Ours that goes with this one of the peer's: the one that it had, else a new one."""
        if theirs not in self._beside:
            self.pair(theirs, self.make())
        return self._beside[theirs]

    def pair(self, theirs: bytes, own: bytes) -> None:
        """From now on `own` goes with this key of the peer's."""
        self._beside[theirs] = own
        if len(self._beside) > KEYS_KEPT:
            del self._beside[next(iter(self._beside))]

    def come_anew(self, theirs: bytes) -> None:
        """The peer comes with this key in place of another one, maybe for the second time: ours beside it
        has served, and begins none again (RFC 3711 §9.1).
        """
        self._beside.pop(theirs, None)

    @property
    def book(self) -> KeyBook:
        """All that is known, for whoever goes on with the leg."""
        return KeyBook(tuple(self._beside.items()), self.offered)

    @book.setter
    def book(self, known: KeyBook) -> None:
        self._beside = dict(known.pairs)
        self.offered = known.offered
