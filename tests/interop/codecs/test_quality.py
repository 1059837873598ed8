"""How speech sounds after any two codecs: no pair falls further below its worse codec than transcoding must
cost. docs/quality.md has the figures.
"""

import numpy as np
import pytest

from tests.interop.audio import RATE
from tests.interop.codecs.listening import Samples, judge
from tests.interop.codecs.quality import SPEECH, Scores, floor, measure
from trunkline.sdp.codecs import CODEC_NAMES

pytestmark = pytest.mark.timeout(300)
"""Calls that a busy machine held up are placed again."""

WAVE_DB = {"PCMA": 30.0, "PCMU": 30.0, "G722": 30.0, "speex": 8.0, "G729": 4.0, "iLBC": 4.0}
"""What each codec keeps of the wave by itself, less 2 dB; transcoding takes up to 5 dB from it."""


@pytest.fixture(scope="module")
def scores(tmp_path_factory: pytest.TempPathFactory) -> Scores:
    return measure(tmp_path_factory.mktemp("quality"))


def test_speech_keeps_its_quality(scores: Scores) -> None:
    short = {pair: score.opinion for pair, score in scores.items() if score.opinion < floor(*pair)}
    assert not short, short


def test_speech_keeps_its_wave(scores: Scores) -> None:
    short = {
        pair: score.snr_db
        for pair, score in scores.items()
        if score.snr_db < min(WAVE_DB[name] for name in pair) - (0.0 if pair[0] == pair[1] else 5.0)
    }
    assert not short, short


def test_every_pair_is_measured(scores: Scores) -> None:
    assert len(scores) == len(CODEC_NAMES) ** 2


@pytest.fixture(scope="module")
def said() -> Samples:
    return np.frombuffer(SPEECH.read_bytes(), "<i2").astype(np.float64)


def test_speech_that_came_late_and_quieter_is_as_good(said: Samples) -> None:
    score = judge(said, np.concatenate([np.zeros(RATE // 10), said / 2]))
    assert score.opinion > 4.4
    assert score.snr_db > 34.0
    assert score.delay_ms == 100.0


def test_noise_and_gaps_are_heard(said: Samples) -> None:
    """50 ms of every 200 are missing; then noise 10 dB below the speech."""
    gaps = np.where(np.arange(len(said)) % (RATE // 5) < RATE // 20, 0.0, said)
    assert judge(said, gaps).opinion < 3.0
    level = float(np.std(said)) / 10**0.5
    noisy = said + np.random.default_rng(1).normal(0.0, level, len(said))
    score = judge(said, np.clip(noisy, -32768, 32767))
    assert score.opinion < 3.0
    assert score.snr_db < 12.0
