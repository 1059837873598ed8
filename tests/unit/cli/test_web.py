"""`trunkline web` alone, without a node."""

import signal
import subprocess
import sys

import httpx

from tests.interop.addresses import free_port, wait_for
from tests.unit.cli.conftest import ENVIRONMENT, CommandLine


def test_it_serves_until_it_is_told_to_stop(line: CommandLine) -> None:
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "trunkline.cli", "-c", str(line.settings_file), "web"],
        env={**ENVIRONMENT, "TRUNKLINE_WEB__BIND": f"127.0.0.1:{port}"},
    )

    def answered() -> bool:
        assert process.poll() is None
        try:
            url = f"http://127.0.0.1:{port}/v1/me"
            return httpx.get(url, trust_env=False, timeout=5).status_code == 401
        except httpx.TransportError:
            return False

    try:
        wait_for("an answer", answered, within_s=30.0, every_s=0.05)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
