"""The listening quality of a stretch of audio by its loss and jitter: the engine's own estimate (G.107)."""

from trunkline._native import estimate_mos as estimate_mos
