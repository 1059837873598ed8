"""How many refused calls leave a record and a ladder: a PBX that dials what it may not, over and over, or a
stolen key, would fill the disk, and push the ladders of everybody else's calls out (`ladder.max_bytes`).

For each account (or carrier, while nobody knows whose call it is) `BURST` of them, and one more for each
1/`PER_S` seconds since. Who looks for why a call failed finds it among those; the rest are counted alone.
"""

from trunkline.call.record import CallRecord
from trunkline.clock import Clock

BURST = 600
PER_S = 1.0

_Whose = tuple[str | None, str | None]
"""An account, or else a carrier."""


class RefusedCalls:
    """See the module. Takes memory for each account and carrier that has been refused."""

    __slots__ = ("_clock", "_left")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._left: dict[_Whose, tuple[float, float]] = {}
        """For how many more records there was room, and when (monotonic)."""

    def has_room(self, record: CallRecord) -> bool:
        """Whether `record` would be kept."""
        return self._room(_whose(record)) >= 1.0

    def may_record(self, record: CallRecord) -> bool:
        """Whether `record` is kept. Counts it then."""
        whose = _whose(record)
        room = self._room(whose)
        kept = room >= 1.0
        self._left[whose] = (room - 1.0 if kept else room, self._clock.now())
        return kept

    def _room(self, whose: _Whose) -> float:
        now = self._clock.now()
        left, since = self._left.get(whose, (BURST, now))
        return min(BURST, left + (now - since) * PER_S)


def _whose(record: CallRecord) -> _Whose:
    return record.account, None if record.account is not None else record.carrier
