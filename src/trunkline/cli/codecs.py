"""`trunkline codecs`: what this build can do with each codec. It is tried, not looked up: a terminal of the
media engine is given a peer that speaks it.
"""

from dataclasses import dataclass

import typer

from trunkline.call.ports import AudioFormat, MediaFlow, RemoteMedia
from trunkline.cli.output import Json, examples, print_rows
from trunkline.errors import MediaError
from trunkline.media.embedded import EmbeddedEngine, EngineSettings
from trunkline.media.terminals import Silence
from trunkline.sdp.codecs import CODEC_NAMES, frame_ms, our_codec

app = typer.Typer(add_completion=False)

_HOST = "127.0.0.1"
_PORTS = (31_000, 31_098)
"""Free of the service's and of the test phone's."""


@dataclass(frozen=True, slots=True)
class _Audio:
    """What a codec is like; a peer may choose other rates of Speex."""

    band: str
    kbit_s: float


_AUDIO = {
    "PCMA": _Audio("300-3400 Hz", 64.0),
    "PCMU": _Audio("300-3400 Hz", 64.0),
    "G722": _Audio("50-7000 Hz", 64.0),
    "G729": _Audio("300-3400 Hz", 8.0),
    "iLBC": _Audio("300-3400 Hz", 13.33),
    "speex": _Audio("50-7000 Hz", 27.8),
}


@app.command(epilog=examples("trunkline codecs", "trunkline codecs --json"))
def codecs(as_json: Json = False) -> None:
    """List the codecs and what this build can do with each.

    A codec that both sides of a call share passes through untouched; what can be transcoded is also changed
    into any other that can. Exit status 1 unless all can.
    """
    engine = EmbeddedEngine(
        EngineSettings(port_min=_PORTS[0], port_max=_PORTS[1], bind_v4=_HOST, allow_loopback=True)
    )
    try:
        able = {name: _speaks(engine, name) for name in CODEC_NAMES}
    finally:
        engine.stop()
    print_rows(
        (
            {
                "codec": name,
                "payload_type": our_codec(name).payload_type,
                "rtp_clock_hz": our_codec(name).clock_rate,
                "band": _AUDIO[name].band,
                "kbit_s": _AUDIO[name].kbit_s,
                "frame_ms": "20, 30" if name == "iLBC" else str(frame_ms(our_codec(name))),
                "passes": True,
                "transcoded": able[name],
            }
            for name in CODEC_NAMES
        ),
        as_json,
        "",
    )
    if not all(able.values()):
        raise typer.Exit(1)


def _speaks(engine: EmbeddedEngine, name: str) -> bool:
    codec = our_codec(name)
    terminal = engine.open_terminal(Silence())
    spoken = AudioFormat(codec.payload_type, codec.name, codec.clock_rate)
    try:
        terminal.set_remote(
            RemoteMedia(
                rtp_address=_HOST,
                rtp_port=9,
                rtcp_port=9,
                direction=MediaFlow.NONE,
                payload_types={codec.payload_type: codec.payload_type},
                clock_rates={codec.payload_type: codec.clock_rate},
                dtmf_payload_type=None,
                signalled_from=None,
                hears=(spoken,),
                speaks=spoken,
            )
        )
    except MediaError:
        return False
    finally:
        terminal.close()
    return True
