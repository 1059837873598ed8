"""`trunkline codecs`: what this build can do with audio, found by doing it."""

from collections.abc import Iterator

import typer

from trunkline.cli.output import Json, Row, examples, print_rows, say
from trunkline.media.embedded import CodecTrial
from trunkline.media.rtpengine.description import CANNOT_TRANSCODE
from trunkline.sdp.codecs import CODEC_NAMES, MAX_PACKET_MS, our_codec
from trunkline.sdp.crypto import SUITE

WORKING_DB = 3.0
"""A tone that comes out louder or quieter than this by the other end of a codec is broken."""
_ILBC_MODES = (20, 30)

app = typer.Typer(add_completion=False)


@app.command(epilog=examples("trunkline codecs", "trunkline codecs --json"))
def codecs(as_json: Json = False) -> None:
    """Say which codecs this build speaks, and what each costs.

    A tone is encoded and decoded by each of them. The two times are microseconds of CPU for 20 ms of audio on
    this machine: a call between two codecs decodes the one and encodes the other, fifty times a second in
    each direction. Audio that both sides of a call can take untouched costs none of this. Exit status 1 when
    a codec doesn't work.
    """
    rows = list(_rows())
    print_rows(rows, as_json, "")
    if not as_json:
        say("")
        say("digits      RFC 4733 events, INFO, tones made and found")
        say(f"encryption  SRTP by SDES: {SUITE}")
    if not all(row["works"] for row in rows):
        raise typer.Exit(1)


def _rows() -> Iterator[Row]:
    for name in CODEC_NAMES:
        for mode_ms in _ILBC_MODES if name == "iLBC" else _ILBC_MODES[:1]:
            yield _row(name, mode_ms, CodecTrial(name, mode_ms))


def _row(name: str, mode_ms: int, trial: CodecTrial) -> Row:
    ours = our_codec(name)
    return {
        "codec": f"{name} mode={mode_ms}" if name == "iLBC" else name,
        "works": abs(trial.loudness_change_db) <= WORKING_DB,
        "payload_type": ours.payload_type,
        "rtp_clock": ours.clock_rate,
        "audio_hz": trial.sample_rate,
        "kbit_s": round(8 * trial.frame_octets / trial.frame_ms, 1),
        "packet_ms": f"{trial.frame_ms} to {MAX_PACKET_MS}",
        "encode_us": round(trial.encode_us, 1),
        "decode_us": round(trial.decode_us, 1),
        "with_rtpengine": "passed" if name in CANNOT_TRANSCODE else "transcoded",
    }
