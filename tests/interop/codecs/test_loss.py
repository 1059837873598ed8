"""`lossy.py`, in a network namespace that has nothing but a loopback, which loses packets."""

import os
import subprocess
import sys

import pytest

from tests.interop.node import ROOT
from tests.programs import require_program

LOSSY = "tests/interop/codecs/lossy.py"
INSIDE = 'ip link set lo up && exec "$@"'


def test_digits_and_audio_come_through_a_network_that_loses_every_twentieth_packet() -> None:
    for program in ("iptables", "ip"):
        require_program(program)
    alone = [require_program("unshare"), "--net"]
    if os.geteuid() != 0:
        alone.append("--map-root-user")
    if subprocess.run([*alone, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("this machine lets us make no network namespace")
    run = subprocess.run(
        [
            *alone,
            "sh",
            "-c",
            INSIDE,
            "sh",
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            LOSSY,
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-5000:] + run.stderr
    assert "passed" in run.stdout
