"""What every test may ask for."""

from collections.abc import Callable

import pytest

from tests import programs


@pytest.fixture
def require_program() -> Callable[[str], str]:
    """`require_program("sipp")` is the path of sipp, or skips the test (fails it in CI)."""
    return programs.require_program
