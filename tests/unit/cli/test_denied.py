"""Whose the file is, who asked, and what to do."""

import errno
import os
import pwd
from pathlib import Path

import pytest

from trunkline.cli.denied import denied
from trunkline.errors import ConfigError

ME, ANOTHER = os.geteuid(), 60_001


def refused(path: Path, number: int = errno.EACCES) -> ConfigError:
    """As rooms raise it: in their own words, with what the system said as its cause."""
    error = ConfigError("can't be read")
    error.__cause__ = OSError(number, os.strerror(number), str(path))
    return error


def name(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def test_a_file_of_another_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "secret.key"
    file.touch()
    monkeypatch.setattr(os, "geteuid", lambda: ANOTHER)
    assert denied(refused(file)) == (
        f"; {file} belongs to {name(ME)}, and this runs as {ANOTHER}: "
        f"run it as that user (sudo -u {name(ME)} trunkline …), or chown {ANOTHER} {file}"
    )


def test_what_is_not_there_yet_is_its_folders_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: ANOTHER)
    assert denied(refused(tmp_path / "made" / "later")).startswith(f"; {tmp_path} belongs to {name(ME)},")


def test_ones_own_file_that_its_mode_shuts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "secret.key"
    file.touch()
    os.chown(file, ANOTHER, -1) if ME == 0 else None
    monkeypatch.setattr(os, "geteuid", lambda: file.stat().st_uid or ANOTHER)
    assert denied(refused(file)) == f"; it is this user's own: chmod u+rw {file}"


def test_the_file_is_named_where_the_words_do_not(tmp_path: Path) -> None:
    error = FileNotFoundError(errno.ENOENT, "No such file or directory", str(tmp_path))
    assert denied(error) == ""
    assert denied(refused(tmp_path, errno.ENOSPC)) == ""
    assert denied(PermissionError(errno.EACCES, "Permission denied")) == "", "a port, not a file"
    assert denied(ConfigError("unknown key")) == ""


def test_root_is_told_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert denied(refused(tmp_path)) == ""
