"""Lag is what lies between when a callback was due and when it ran."""

import asyncio
from collections.abc import Callable
from typing import cast

import pytest

from trunkline.observe.loop_lag import INTERVAL_S, LoopLag


class FakeLoop:
    """A loop whose time stands still until a test moves it."""

    def __init__(self) -> None:
        self.now = 50.0
        self.due: list[tuple[float, Callable[[], None]]] = []

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, callback: Callable[[], None]) -> "FakeLoop":
        self.due.append((when, callback))
        return self

    def cancel(self) -> None:
        self.due.clear()

    def run_late_by(self, seconds: float) -> None:
        when, callback = self.due.pop()
        self.now = when + seconds
        callback()


def test_reports_how_late_it_ran() -> None:
    loop = FakeLoop()
    reported: list[float] = []
    lag = LoopLag(cast("asyncio.AbstractEventLoop", loop), reported.append)
    lag.start()
    for late_s in (0.0, 0.3, 0.0):
        loop.run_late_by(late_s)
    assert reported == pytest.approx([0.0, 0.3, 0.0])
    assert lag.last_s == pytest.approx(0.0)
    assert loop.due[0][0] == pytest.approx(loop.now + INTERVAL_S)


def test_stop_ends_it() -> None:
    loop = FakeLoop()
    lag = LoopLag(cast("asyncio.AbstractEventLoop", loop), lambda _seconds: None)
    lag.stop()
    lag.start()
    lag.stop()
    lag.stop()
    assert loop.due == []
