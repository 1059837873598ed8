"""Every parser in Python against foreign bytes: what broke one once, and a few thousand fresh inputs that
Atheris makes. `make fuzz` gives each a minute."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.seeds import FOUND, found, seeds
from tests.fuzz.targets import TARGETS

RUNS = int(os.environ.get("FUZZ_RUNS", "3000"))
ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", TARGETS)
def test_seeds_and_what_was_found(name: str) -> None:
    inputs = list(seeds(name))
    assert inputs
    for data in inputs:
        TARGETS[name](data)


def test_every_case_has_its_target() -> None:
    assert {folder.name for folder in FOUND.iterdir()} <= set(TARGETS)
    assert found("forwarding")


@pytest.mark.skipif(platform.machine() != "x86_64", reason="Atheris has wheels for x86_64 only")
@pytest.mark.parametrize("name", TARGETS)
def test_fresh_inputs(name: str, tmp_path: Path) -> None:
    options = [f"-runs={RUNS}", "-seed=1", "-max_len=1500", "-verbosity=0", f"-artifact_prefix={tmp_path}/"]
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz", name, *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
