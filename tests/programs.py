"""Finding the programs that the interop tests drive."""

import os
import shutil

import pytest

SYSTEM_PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])
"""Debian keeps servers such as kamailio where a user's PATH doesn't look."""


def require_program(name: str) -> str:
    """Return the path of program `name`; without it skip the test by name, or fail it in CI (`CI=true`)."""
    path = shutil.which(name, path=SYSTEM_PATH)
    if path is not None:
        return path
    reason = f"{name} is not installed: tools/machine test installs it"
    if os.environ.get("CI"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
