"""`captured.py`, in a network namespace that has nothing but a loopback, which is looked at."""

import pytest

from tests.interop.codecs.alone import run_alone


@pytest.mark.timeout(420)
def test_each_sides_stream_goes_on_through_hold_and_other_codecs() -> None:
    run_alone("tests/interop/codecs/captured.py", timeout_s=400.0)
