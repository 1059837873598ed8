"""The figures in an rtpengine's answers to `query` and `delete`.

It counts the packets that arrive at each side, by stream; loss, jitter and MOS it knows only from the RTCP of
the peers (RFC 3550 §6.4), by the SSRC of who reports: they are of what that peer was sent. Up to 11 it names
one SSRC a stream, since 12 all of them. A figure that is absent, negative or of the wrong kind counts as not
known.
"""

from dataclasses import dataclass
from typing import Final

from trunkline.media.rtpengine.bencode import Value

_MOST: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Counts:
    """What one side received, and what its peer reports of what it was sent: the far peer's audio."""

    received: int
    far_lost: int = 0
    far_jitter_ms: float = 0.0
    far_mos: float | None = None
    """None: no RTCP has told."""


def read_counts(answer: Value) -> dict[str, Counts]:
    """Counts by tag; empty when the answer has none."""
    tags, streams = _dictionary(answer, "tags"), _dictionary(answer, "SSRC")
    return {tag: _of_tag(value, streams) for tag, value in tags.items() if isinstance(value, dict)}


def _of_tag(tag: Value, qualities: dict[str, Value]) -> Counts:
    received, lost, jitter_ms = 0, 0, 0.0
    mos = None
    for media in _list(tag, "medias"):
        for stream in _list(media, "streams"):
            flags = _list(stream, "flags")
            if b"RTP" not in flags:
                continue
            received += _number(_dictionary(stream, "stats"), "packets")
            for source in (stream, *_list(stream, "ingress SSRCs")):
                quality = _dictionary(qualities, str(_number(source, "SSRC")))
                if quality:
                    average = _dictionary(quality, "average MOS")
                    lost += _number(quality, "cumulative loss")
                    jitter_ms = float(_number(average, "jitter"))
                    mos = _number(average, "MOS") / 10 or None
    return Counts(received, lost, jitter_ms, mos)


def _dictionary(value: Value, key: str) -> dict[str, Value]:
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, dict) else {}


def _list(value: Value, key: str) -> list[Value]:
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, list) else []


def _number(value: Value, key: str) -> int:
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, int) and 0 <= found <= _MOST else 0
