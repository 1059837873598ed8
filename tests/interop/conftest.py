"""What the interop tests start, and end whatever happens."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.interop.audio import Voice
from tests.interop.sipp.program import Sipp

Start = Callable[..., Sipp]
Speak = Callable[..., Voice]


@pytest.fixture
def sipp(tmp_path: Path) -> Iterator[Start]:
    """`sipp(scenario, host=…)` starts one; none is left when the test ends."""
    started: list[Sipp] = []

    def start(*arguments: Any, **options: Any) -> Sipp:
        started.append(Sipp(tmp_path, *arguments, **options))
        return started[-1]

    yield start
    for item in started:
        item.close()


@pytest.fixture
def voice() -> Iterator[Speak]:
    """`voice(440)` is an RTP endpoint that says 440 Hz."""
    started: list[Voice] = []

    def start(*arguments: Any, **options: Any) -> Voice:
        started.append(Voice(*arguments, **options))
        return started[-1]

    yield start
    for item in started:
        item.close()
