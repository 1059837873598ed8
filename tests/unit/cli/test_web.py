"""`trunkline web` alone, without a node."""

import signal
import subprocess
import sys

import httpx

from tests.interop.addresses import free_port, wait_for
from tests.unit.cli.conftest import ENVIRONMENT, CommandLine


def answered(process: "subprocess.Popen[bytes]", port: int) -> bool:
    assert process.poll() is None
    try:
        url = f"http://127.0.0.1:{port}/v1/me"
        return httpx.get(url, trust_env=False, timeout=5).status_code == 401
    except httpx.TransportError:
        return False


def assert_serves(*arguments: str) -> None:
    """A process of that command line answers, and ends when it is told to."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, *arguments], env={**ENVIRONMENT, "TRUNKLINE_WEB__BIND": f"127.0.0.1:{port}"}
    )
    try:
        wait_for("an answer", lambda: answered(process, port), within_s=30.0, every_s=0.05)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def test_it_serves_until_it_is_told_to_stop(line: CommandLine) -> None:
    assert_serves("-m", "trunkline.cli", "-c", str(line.settings_file), "web")


HANG_UP_WHILE_IT_STARTS = """
import os, signal, sys
from trunkline.cli.app import app
from trunkline.web.office import Office

make = Office.open

def interrupted(settings):
    os.kill(os.getpid(), signal.SIGHUP)
    return make(settings)

Office.open = interrupted
app(["-c", sys.argv[1], "web"])
"""


def test_a_hangup_while_it_starts_does_not_end_it(line: CommandLine) -> None:
    assert_serves("-c", HANG_UP_WHILE_IT_STARTS, str(line.settings_file))
