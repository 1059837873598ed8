import pytest

from tests.unit.cli.conftest import CommandLine
from trunkline.cli import codecs
from trunkline.sdp.codecs import CODEC_NAMES


def test_every_codec_of_the_service_is_tried_and_works(line: CommandLine) -> None:
    rows = {row["codec"]: row for row in line.json("codecs")}
    assert {name.split()[0] for name in rows} == set(CODEC_NAMES)
    assert {"iLBC mode=20", "iLBC mode=30"} <= set(rows)
    assert all(row["works"] for row in rows.values())
    assert 1 < rows["G729"]["encode_us"] < 20_000
    assert [rows[name]["kbit_s"] for name in ("PCMA", "G729", "iLBC mode=20", "iLBC mode=30")] == [
        64.0,
        8.0,
        15.2,
        13.3,
    ]
    assert (rows["G722"]["rtp_clock"], rows["G722"]["audio_hz"]) == (8000, 16000)


def test_a_codec_that_comes_out_wrong_is_an_error(line: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codecs, "WORKING_DB", -1.0)
    line.run("codecs", status=1)


def test_people_are_told_of_digits_and_encryption_too(line: CommandLine) -> None:
    said = line.run("codecs")
    assert "AES_CM_128_HMAC_SHA1_80" in said
    assert "RFC 4733" in said
