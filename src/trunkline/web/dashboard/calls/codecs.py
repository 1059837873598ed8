"""The codecs that a SIP message names in its session description, those that Trunkline doesn't know included.

For people: what can't be read names none. Static payload types are those of RFC 3551 §6.
"""

from trunkline.errors import SdpError
from trunkline.sdp.codecs import read_codec
from trunkline.sdp.description import MediaDescription, SessionDescription
from trunkline.sip.message import Message
from trunkline.sip.multipart import unwrap

MAX_NAMED = 12
_STATIC = {0: "PCMU", 3: "GSM", 4: "G723", 7: "LPC", 8: "PCMA", 9: "G722", 15: "G728", 18: "G729"}
_NO_SPEECH = frozenset({"telephone-event", "cn", "red"})


def codecs_named(message: Message) -> list[str]:
    """Names of the codecs in the first audio stream, preferred first, each once."""
    audio = _audio(message)
    if audio is None:
        return []
    maps = dict(_mapped(audio))
    names = []
    for number in audio.formats:
        encoding = maps.get(number, "")
        name = encoding.partition("/")[0] or _STATIC.get(int(number) if number.isdecimal() else -1, "")
        if name and name.lower() not in _NO_SPEECH:
            names.append(name)
    return list(dict.fromkeys(names))[:MAX_NAMED]


def names_one_of_ours(message: Message) -> bool:
    """Whether one of the codecs is one that Trunkline speaks."""
    audio = _audio(message)
    if audio is None:
        return False
    maps = dict(_mapped(audio))
    codecs = (read_codec(int(number), maps.get(number), "") for number in audio.formats if number.isdecimal())
    return any(codec is not None and codec.name not in _NO_SPEECH for codec in codecs)


def _audio(message: Message) -> MediaDescription | None:
    unwrap(message)
    try:
        description = SessionDescription.read(message.body)
    except SdpError:
        return None
    return next((media for media in description.media if media.media == "audio"), None)


def _mapped(audio: MediaDescription) -> list[tuple[str, str]]:
    """Payload type and encoding of every `a=rtpmap` (RFC 8866 §6.6)."""
    found = []
    for attribute in audio.attributes:
        if attribute.startswith("rtpmap:"):
            number, _, encoding = attribute[7:].strip().partition(" ")
            found.append((number, encoding.strip()))
    return found
