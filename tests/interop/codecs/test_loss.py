"""`lossy.py`, in a network namespace that has nothing but a loopback, which loses packets."""

import pytest

from tests.interop.codecs.alone import run_alone
from tests.programs import require_program


@pytest.mark.timeout(260)
def test_digits_and_audio_come_through_a_network_that_loses_every_twentieth_packet() -> None:
    require_program("iptables")
    run_alone("tests/interop/codecs/lossy.py")
