"""Asks the legs of answered calls how their audio is, every few seconds, for `quality`.

A call that ends before its first point is due costs one entry in a heap. Each is asked `EVERY_S` after its
answer, within `GATHER_S`, not all at once: a thousand calls are a thousand small pieces of work and not a
long one. The clock drives it.
"""

import heapq
from collections.abc import Callable
from typing import Final

from trunkline.call.call import Call
from trunkline.call.quality import EVERY_S, Course, Estimate
from trunkline.call.record import MediaFigures
from trunkline.clock import Clock, Timer

GATHER_S: Final = 0.1
"""Between two rounds, at least."""


class QualityWatch:
    """One per node."""

    __slots__ = ("_clock", "_courses", "_due", "_estimate", "_find", "_timer")

    def __init__(self, clock: Clock, find: Callable[[str], Call | None], estimate: Estimate) -> None:
        """`find` is the live call of an id."""
        self._clock = clock
        self._find = find
        self._estimate = estimate
        self._courses: dict[str, Course | None] = {}
        """Of answered calls; None before the first point."""
        self._due: list[tuple[float, str]] = []
        """A heap: when to ask which call. One that has ended meanwhile is passed over."""
        self._timer: Timer | None = None

    def answered(self, call_id: str) -> None:
        """Ask it from now on. Again: nothing."""
        if call_id not in self._courses:
            self._courses[call_id] = None
            self._ask_at(self._clock.now() + EVERY_S, call_id)

    def ended(self, call_id: str) -> Course | None:
        """Forget it; its course, if it lasted long enough to have one."""
        return self._courses.pop(call_id, None)

    def course(self, call_id: str) -> Course | None:
        """Of a call that is up."""
        return self._courses.get(call_id)

    def _ask_at(self, due: float, call_id: str) -> None:
        heapq.heappush(self._due, (due, call_id))
        if self._timer is None:
            self._arm()

    def _arm(self) -> None:
        due = max(self._due[0][0], self._clock.now() + GATHER_S)
        self._timer = self._clock.at(due, self._ask)

    def _ask(self) -> None:
        now = self._clock.now()
        while self._due and self._due[0][0] <= now:
            due, call_id = heapq.heappop(self._due)
            if call_id in self._courses:
                every_s = self._point(call_id)
                if every_s is not None:
                    heapq.heappush(self._due, (due + every_s, call_id))
        self._timer = None
        if self._due:
            self._arm()

    def _point(self, call_id: str) -> int | None:
        """One more; how long until the next. None: the call is gone."""
        call = self._find(call_id)
        if call is None:
            return None
        course = self._courses[call_id]
        if course is None:
            course = self._courses[call_id] = Course(self._estimate)
        callee = call.callee
        course.add(call.caller.figures(), MediaFigures() if callee is None else callee.figures())
        return course.every_s
