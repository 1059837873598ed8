"""SIGHUP while a service starts: it would end the process until somebody handles it, and waits instead."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def hangups_wait() -> Iterator[None]:
    """Hold SIGHUP back. Whoever handles it lets it through: then one that came meanwhile arrives."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
