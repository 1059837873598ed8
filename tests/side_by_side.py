"""`make test` runs the tests in two processes beside each other (pytest-xdist), since most of their time is
waiting: calls that refresh, peers that time out.

Each of the two has a network of its own, in which there is nothing but its loopback interface, so tests that
listen on the same ports don't meet. Only root can make one; without, one process runs all tests in turn.
What has to reach a package index leaves its network by `outside`.

A pytest plugin, named on the command line (`-p tests.side_by_side -n auto`).
"""

import ctypes
import os
import subprocess
from collections.abc import Sequence

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

PROCESSES = 2
_CLONE_NEWNET = 0x40000000
"""unshare(2)."""
_WORKER = "PYTEST_XDIST_WORKER"
_SLOW = ("tests/interop", "tests/e2e", "tests/faults", "tests/abuse")
"""What waits longest, and so begins first."""


@pytest.hookimpl(tryfirst=True)  # xdist's own would count the processors
def pytest_xdist_auto_num_workers() -> int:
    return PROCESSES if os.geteuid() == 0 else 0


def pytest_configure() -> None:
    if _WORKER not in os.environ:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNET):
        code = ctypes.get_errno()
        raise pytest.UsageError(f"no network of its own: {os.strerror(code)}; run pytest without -n")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if _WORKER in os.environ:
        items.sort(key=lambda item: not item.nodeid.startswith(_SLOW))


class _Together(LoadScopeScheduling):  # type: ignore[misc]
    """Tests of one file go to one process, and those of one kind of peer, which share its programs."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::", 1)[0]
        return file.rpartition("/")[0] if file.startswith("tests/interop/") else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> _Together:
    config.option.loadscopereorder = False
    return _Together(config, log)


def outside(command: Sequence[str]) -> list[str]:
    """`command`, to run in the network that the tests were started in."""
    if _WORKER not in os.environ:
        return [*command]
    return ["nsenter", f"--net=/proc/{os.getppid()}/ns/net", *command]
