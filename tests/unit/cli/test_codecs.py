"""What this build can do with each codec."""

import pytest

from tests.unit.cli.conftest import CommandLine
from trunkline.cli import codecs
from trunkline.media.embedded import EmbeddedEngine
from trunkline.sdp.codecs import CODEC_NAMES


def test_every_codec_is_passed_and_transcoded(line: CommandLine) -> None:
    rows = {row["codec"]: row for row in line.json("codecs")}
    assert tuple(rows) == CODEC_NAMES
    assert all(row["passes"] and row["transcoded"] for row in rows.values())
    assert (rows["G722"]["rtp_clock_hz"], rows["speex"]["rtp_clock_hz"]) == (8000, 16000)
    assert "27.8" in line.run("codecs")


def test_a_build_without_one_says_so(line: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    def without(engine: EmbeddedEngine, name: str) -> bool:
        return engine is not None and name != "G729"

    monkeypatch.setattr(codecs, "_speaks", without)
    rows = line.json("codecs", status=1)
    assert [row["codec"] for row in rows if not row["transcoded"]] == ["G729"]
