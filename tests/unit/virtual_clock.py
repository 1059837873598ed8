"""A clock that stands still until a test moves it, firing every timer at its own moment on the way."""

from trunkline.clock import TimerHeap


class FakeClock(TimerHeap):
    """A `TimerHeap` over a moment that only `advance` changes. Wall time runs along, from another origin, and
    is put forward or back by `step_wall`.
    """

    __slots__ = ("_stepped", "moment")

    WALL_OFFSET = 1_700_000_000.0

    def __init__(self, moment: float = 1000.0) -> None:
        self.moment = moment
        self._stepped = 0.0
        super().__init__(lambda: self.moment, lambda: self.moment + self.WALL_OFFSET + self._stepped)

    def step_wall(self, seconds: float) -> None:
        """Put the wall clock forward, or back; no time passes."""
        self._stepped += seconds

    def advance(self, seconds: float) -> int:
        """Let `seconds` pass; return how many timers fired, each while `now()` was its own deadline."""
        return self.advance_to(self.moment + seconds)

    def advance_to(self, moment: float) -> int:
        """Go to `moment`, stopping at every deadline before it."""
        fired = 0
        while (deadline := self.next_deadline()) is not None and deadline <= moment:
            self.moment = max(self.moment, deadline)
            fired += self.run_due()
        self.moment = moment
        return fired

    def run_out(self, limit_s: float = 3600.0) -> None:
        """Fire everything that is armed, and what that arms, up to `limit_s` seconds ahead."""
        self.advance(limit_s)
