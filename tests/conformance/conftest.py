"""A stack on a wire of the test's own, for those who ask for it."""

import pytest

from tests.unit.sip.fake_wire import Rig


@pytest.fixture
def rig() -> Rig:
    return Rig()
