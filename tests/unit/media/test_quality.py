"""The engine's estimate of listening quality, as the rooms above see it."""

import pytest

from trunkline.media.quality import estimate_mos


def test_loss_and_jitter_cost_what_the_e_model_says() -> None:
    assert estimate_mos(0.0, 0.0, "PCMA") == pytest.approx(4.40, abs=0.05)
    assert estimate_mos(0.05, 0.0, "PCMU") == pytest.approx(3.94, abs=0.05)
    assert estimate_mos(0.0, 0.0, "iLBC") == pytest.approx(4.10, abs=0.05)
    assert estimate_mos(0.0, 150.0, "G722") < estimate_mos(0.0, 20.0, "G722") - 0.5
    assert 1.0 <= estimate_mos(9.0, -5.0, "") <= 4.5
