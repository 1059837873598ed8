"""SIGHUP waits."""

import signal
import threading

import pytest

from trunkline.cli.hangups import hangups_wait


def test_a_hangup_comes_to_whoever_lets_it_through() -> None:
    """To this thread: one of another test's would take what is for the process."""
    came: list[int] = []
    before = signal.signal(signal.SIGHUP, lambda number, _: came.append(number))
    try:
        with hangups_wait():
            signal.pthread_kill(threading.get_ident(), signal.SIGHUP)
            assert came == []
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})
            assert came == [signal.SIGHUP]
    finally:
        signal.signal(signal.SIGHUP, before)


def test_what_fails_leaves_nothing_held_back() -> None:
    with pytest.raises(OSError, match="taken"), hangups_wait():
        raise OSError("taken")
    assert signal.SIGHUP not in signal.pthread_sigmask(signal.SIG_BLOCK, ())
