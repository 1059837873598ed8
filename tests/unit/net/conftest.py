"""Runs `async def` tests, each in a fresh uvloop, the loop that a node runs in; none may leave a file
open.
"""

import contextlib
import inspect
from pathlib import Path

import pytest
import uvloop

from tests.unit.net.certificates import Certificate, self_signed
from tests.unit.net.wire import Client, until


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    test = pyfuncitem.obj
    if not inspect.iscoroutinefunction(test):
        return None
    names = inspect.signature(test).parameters
    arguments = {name: pyfuncitem.funcargs[name] for name in names}

    async def run() -> None:
        before = open_files()
        try:
            await test(**arguments)
        finally:
            Client.abort_everyone()
        try:
            await until(lambda: open_files() <= before)
        except TimeoutError:
            pytest.fail(f"left open: {sorted(open_files() - before)}", pytrace=False)

    uvloop.run(run())
    return True


def open_files() -> set[str]:
    """The descriptors of this process, each with what it is; not the one that libuv keeps in reserve."""
    folder = Path("/proc/self/fd")
    found = set()
    for link in folder.iterdir():
        with contextlib.suppress(OSError):
            found.add(f"{link.name} {link.readlink()}")
    return {each for each in found if not each.endswith(("/fd", "/dev/null"))}


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """A certificate for pbx.example.com and 127.0.0.1, valid today."""
    return self_signed(tmp_path_factory.mktemp("tls"), "pbx.example.com")
