"""Tests that change the network, or look into it, in a namespace that has nothing but a loopback."""

import os
import subprocess
import sys

import pytest

from tests.interop.node import ROOT
from tests.programs import require_program

_INSIDE = 'ip link set lo up && exec "$@"'


def run_alone(file: str, *, timeout_s: float = 240.0) -> None:
    """Run the tests of `file`; all of them pass."""
    require_program("ip")
    alone = [require_program("unshare"), "--net"]
    if os.geteuid() != 0:
        alone.append("--map-root-user")
    if subprocess.run([*alone, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("this machine lets us make no network namespace")
    tests = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", file]
    run = subprocess.run(
        [*alone, "sh", "-c", _INSIDE, "sh", *tests],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-5000:] + run.stderr
    assert "passed" in run.stdout
