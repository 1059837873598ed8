"""The six codecs of the service and telephone-event, as SDP names them."""

CODEC_NAMES: tuple[str, ...] = ("PCMA", "PCMU", "G722", "G729", "iLBC", "speex")
"""Canonical encoding names, in the order that is offered where nothing else is asked for. `speex` is 16 kHz
Speex."""

_BY_LOWER = {name.lower(): name for name in CODEC_NAMES} | {
    "alaw": "PCMA",
    "g711a": "PCMA",
    "ulaw": "PCMU",
    "g711u": "PCMU",
    "speex16": "speex",
    "speex/16000": "speex",
}


def canonical_codec_name(name: str) -> str | None:
    """The spelling of `CODEC_NAMES` for a codec's name in any case, or for its usual nickname; None when
    unknown."""
    return _BY_LOWER.get(name.strip().lower())
