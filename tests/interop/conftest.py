"""What the interop tests start, and end whatever happens."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.interop.audio import Voice
from tests.interop.sipp.program import Sipp

Start = Callable[..., Sipp]
Speak = Callable[..., Voice]


@contextmanager
def sipps(directory: Path) -> Iterator[Start]:
    """Starts SIPps, and leaves none."""
    started: list[Sipp] = []

    def start(*arguments: Any, **options: Any) -> Sipp:
        started.append(Sipp(directory, *arguments, **options))
        return started[-1]

    try:
        yield start
    finally:
        for item in started:
            item.close()


@contextmanager
def voices() -> Iterator[Speak]:
    """Starts voices, and leaves none."""
    started: list[Voice] = []

    def start(*arguments: Any, **options: Any) -> Voice:
        started.append(Voice(*arguments, **options))
        return started[-1]

    try:
        yield start
    finally:
        for item in started:
            item.close()


@pytest.fixture
def sipp(tmp_path: Path) -> Iterator[Start]:
    """`sipp(scenario, host=…)` starts one; none is left when the test ends."""
    with sipps(tmp_path) as start:
        yield start


@pytest.fixture
def voice() -> Iterator[Speak]:
    """`voice(440)` is an RTP endpoint that says 440 Hz."""
    with voices() as start:
        yield start
