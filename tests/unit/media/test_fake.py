"""What only the fake engine has: it is left clean, and says what it can't do."""

import pytest

from tests.contract.media.rigs import Told
from tests.unit.media.test_fake_leg import bridged
from tests.unit.virtual_clock import FakeClock
from trunkline.call.ports import NoFamilyError
from trunkline.errors import MediaError
from trunkline.media.fake import FakeEngine
from trunkline.media.terminals import Silence


def test_nothing_is_left_after_a_call() -> None:
    clock = FakeClock()
    engine = FakeEngine(clock)
    for leg in bridged(engine, Told()):
        leg.close()
    assert (engine.open_legs, engine.network.legs, len(clock)) == (0, {}, 0)


def test_what_it_does_not_do_is_refused(tmp_path: object) -> None:
    engine = FakeEngine(FakeClock(), address_v6=None)
    with pytest.raises(NoFamilyError, match="IPv6"):
        engine.open_leg(ipv6=True, events=Told())
    with pytest.raises(MediaError, match="records nothing"):
        engine.open_terminal(Silence(), record_to=tmp_path)  # type: ignore[arg-type]
    assert engine.open_legs == 0
