"""Session descriptions for calls that go through a node: real ones, small enough to read."""

from collections.abc import Sequence

from trunkline.sdp.crypto import our_line

ENCODINGS = {
    0: "PCMU/8000",
    8: "PCMA/8000",
    9: "G722/8000",
    18: "G729/8000",
    97: "iLBC/8000",
    98: "speex/16000",
}


def audio(
    host: str,
    *,
    port: int = 4000,
    codecs: Sequence[int] = (8, 0),
    event: int | None = 101,
    direction: str | None = None,
    version: int = 1,
    address: str | None = None,
    lines: Sequence[str] = (),
    profile: str = "RTP/AVP",
) -> bytes:
    """One audio stream at `host`. `codecs` are payload types of `ENCODINGS`; `event` is telephone-event's,
    or None;
    `address` is for c= alone; `lines` are more of its attributes.
    """
    listed = [*codecs, *(() if event is None else (event,))]
    text = [
        "v=0",
        f"o=- 42 {version} IN IP4 {host}",
        "s=-",
        f"c=IN IP4 {address or host}",
        "t=0 0",
        f"m=audio {port} {profile} {' '.join(str(one) for one in listed)}",
        *[f"a=rtpmap:{one} {ENCODINGS[one]}" for one in codecs],
    ]
    if event is not None:
        text += [f"a=rtpmap:{event} telephone-event/8000", f"a=fmtp:{event} 0-16"]
    if direction is not None:
        text.append(f"a={direction}")
    text += [f"a={line}" for line in lines]
    return "".join(f"{line}\r\n" for line in text).encode()


def line(body: bytes, kind: str) -> str:
    """The first line of that kind (`m`, `c`, `o`), without it."""
    for text in body.decode().splitlines():
        if text.startswith(f"{kind}="):
            return text[2:]
    raise AssertionError(f"no {kind}= in {body!r}")


def direction(body: bytes) -> str:
    """The direction of the stream; sendrecv unless it says otherwise."""
    lines = body.decode().splitlines()
    found = [one for one in ("sendonly", "recvonly", "inactive") if f"a={one}" in lines]
    return found[0] if found else "sendrecv"


def secure_audio(host: str, key: bytes, *, tag: int = 1, **more: object) -> bytes:
    """The same over RTP/SAVP, with a key of 30 octets."""
    return audio(host, profile="RTP/SAVP", lines=[our_line(tag, key)], **more)  # type: ignore[arg-type]


def codecs_of(body: bytes) -> list[int]:
    """The payload types of the stream, telephone-event left out."""
    text = body.decode()
    numbers = [int(one) for one in line(body, "m").split()[3:]]
    return [number for number in numbers if f"a=rtpmap:{number} telephone-event" not in text]


def attributes(body: bytes, name: str) -> list[str]:
    """What follows each `a=name:`."""
    start = f"a={name}:"
    return [text[len(start) :] for text in body.decode().splitlines() if text.startswith(start)]
