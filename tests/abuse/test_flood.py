"""A flood from strangers while a customer calls: `bench/flood.py`, shorter and slower. The figures are in
bench/README.md."""

import os

import pytest

from bench.flood import flood

RATE, SECONDS = 3000, 4.0
GROWTH_MB = 60


@pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")
@pytest.mark.parametrize("sources", [1, 1000])
def test_customers_call_through_a_flood(sources: int) -> None:
    outcome = flood(sources, RATE, SECONDS)
    assert outcome.calls >= 10
    assert outcome.succeeded == outcome.calls, outcome
    assert outcome.memory_peak_mb - outcome.memory_before_mb < GROWTH_MB, outcome
    assert outcome.refused_at_the_door > outcome.sent / 4, outcome  # two thirds, when the flood is in time
    assert (outcome.banned > 0) == (sources == 1), outcome
