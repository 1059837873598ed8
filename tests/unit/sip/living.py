"""Usages that somebody still holds."""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from trunkline.sip.usage import Usage


@contextmanager
def uncollected() -> Iterator[Callable[[], int]]:
    """How many usages there are; meanwhile the garbage collector takes none."""
    gc.collect()
    gc.disable()
    try:
        yield lambda: sum(isinstance(one, Usage) for one in gc.get_objects())
    finally:
        gc.enable()
