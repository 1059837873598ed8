"""Which share of the new calls is turned away while the node is late, so that those that are up don't suffer.

The spirit of RFC 7339 at the receiving end: a loss rate (§7.1: the percentage of requests to be dropped) that
follows the load, and a priority for what belongs to existing sessions and for emergencies (§5.10.1). Against
§5.10.2 the 503 carries a Retry-After, since peers that speak no overload control know nothing else.

The node says every `INTERVAL_S` how late it is. While it is later than its limit the share rises, faster the
later it is; below half the limit it falls slowly; in between it stays (hysteresis). Whether a call is among
those turned away is drawn from its Call-ID, so that its INVITE with credentials fares like the one that was
challenged, and no call is challenged in vain.

Not here: requests within a dialog, which nobody asks about; how late a node is (`observe.loop_lag`,
`net.udp`); how many calls there may be at all (`call.switch`).
"""

import hashlib
from collections import deque
from typing import Final

from trunkline.sip.message import Request

INTERVAL_S: Final = 0.1
LATE_IN_A_ROW: Final = 5
"""So many measurements must all be bad to count: one pause is no overload."""
RISE: Final = 0.02
"""Of all calls, with each measurement at the limit; twice as much at twice the limit, and so on."""
STEEPEST: Final = 5.0
"""No more than for so many times the limit."""
FALL: Final = 0.01
"""Of all calls, with each measurement below half of the limit."""


class Overload:
    """How much a node is overloaded."""

    __slots__ = ("_key", "_lately", "late_s", "share")

    def __init__(self, key: bytes) -> None:
        """`key`: 16 to 32 secret bytes; nobody else can tell which Call-IDs are let in."""
        self._key = key
        self._lately = deque((0.0,) * LATE_IN_A_ROW, LATE_IN_A_ROW)
        self.late_s = 0.0
        """How late the node is: the least of its last measurements."""
        self.share = 0.0
        """Of the new calls that are turned away, 0 to 1."""

    def measured(self, late_s: float, limit_s: float) -> None:
        """The node is `late_s` seconds late, and may be `limit_s`. To be told every `INTERVAL_S`."""
        self._lately.append(late_s)
        self.late_s = late = min(self._lately)
        if late > limit_s:
            self.share = min(1.0, self.share + RISE * min(STEEPEST, late / limit_s))
        elif self.share and late < limit_s / 2:
            self.share = max(0.0, self.share - FALL)

    def turns_away(self, invite: Request) -> bool:
        """Whether the call that `invite` begins is among those turned away. An emergency (Priority, RFC 3261
        §20.26) never is.
        """
        if not self.share or (invite.headers.get("priority") or "").strip().lower() == "emergency":
            return False
        call_id = invite.call_id.encode("utf-8", "surrogateescape")
        digest = hashlib.blake2s(call_id, key=self._key, digest_size=4).digest()
        return int.from_bytes(digest, "big") < self.share * 2**32
