"""Wrong passwords, counted for each source: after too many of them within a while, the source is banned.

A wrong answer to a challenge proves the source's address, because the nonce was sent there: so the ban holds
for every transport (`Evidence.PROVEN`). It does not keep out a source that is known as a carrier's or
customer's.
"""

from collections import OrderedDict

from trunkline.clock import Clock
from trunkline.net.admission import Evidence, Gate
from trunkline.net.flows import source_key

MAX_SOURCES = 16_384


class Guessing:
    """The counters. `failures` within `window_s` seconds ban a source for `ban_s` seconds."""

    def __init__(self, gate: Gate, clock: Clock, *, failures: int, window_s: float, ban_s: float) -> None:
        self._gate = gate
        self._clock = clock
        self.failures = failures
        self.window_s = window_s
        """Both may be changed at any time."""
        self._ban_s = ban_s
        self._counts: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def wrong(self, host: str) -> bool:
        """Note a wrong password from the address `host`; True when that banned it."""
        key = source_key(host)
        now = self._clock.now()
        count, since = self._counts.pop(key, (0, now))
        if now - since > self.window_s:
            count, since = 0, now
        if count + 1 >= self.failures:
            self._gate.ban(host, "wrong passwords", evidence=Evidence.PROVEN, for_s=self._ban_s)
            return True
        self._counts[key] = (count + 1, since)
        if len(self._counts) > MAX_SOURCES:
            self._counts.popitem(last=False)
        return False
