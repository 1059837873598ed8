"""A clock that stands still until a test moves it, firing every timer at its own moment on the way."""

from trunkline.clock import TimerHeap


class FakeClock(TimerHeap):
    """A `TimerHeap` over a moment that only `advance` changes. Wall time runs along, from another origin."""

    __slots__ = ("moment",)

    WALL_OFFSET = 1_700_000_000.0

    def __init__(self, moment: float = 1000.0) -> None:
        self.moment = moment
        super().__init__(lambda: self.moment, lambda: self.moment + self.WALL_OFFSET)

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
