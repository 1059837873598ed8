import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.cli.conftest import ENVIRONMENT, CommandLine


def test_a_refusal_is_one_line_on_standard_error_and_status_1(line: CommandLine) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "trunkline.cli", "-c", str(line.settings_file), "account", "show", "nobody"],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("trunkline: account 'nobody' does not exist")
    assert done.stderr.count("\n") == 1


def test_a_file_that_cant_be_made_is_one_line_as_well(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = subprocess.run(
        [sys.executable, "-m", "trunkline.cli", "init", str(tmp_path / "file" / "here")],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stderr == f"trunkline: {tmp_path}/file/here: Not a directory\n"


def test_what_is_not_utf_8_is_a_wrong_use(line: CommandLine) -> None:
    """As a terminal of ISO 8859-1 sends it."""
    name = "Büro".encode("latin-1")
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "trunkline.cli",
            "-c",
            str(line.settings_file),
            "account",
            "add",
            "--name",
            name,
        ],
        env=ENVIRONMENT | {"LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert done.stderr == "trunkline: 'B\\udcfcro' is not UTF-8: type it in a terminal that is\n"


@pytest.mark.parametrize("command", ["codecs", "--help", "--version"])
def test_output_that_has_no_room_is_one_line_as_well(command: str) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "trunkline.cli", command],
            env=ENVIRONMENT,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert done.returncode == 1
    assert done.stderr == "trunkline: the output can't be written: No space left on device\n"


def test_closed_output_is_no_fault(line: CommandLine) -> None:
    shell = 'exec "$0" -m trunkline.cli -c "$1" account add --key k1 >&- 2>&-'
    done = subprocess.run(["/bin/sh", "-c", shell, sys.executable, line.settings_file], env=ENVIRONMENT)
    assert done.returncode == 0
    assert [row["key"] for row in line.json("account", "list")] == ["k1"]
