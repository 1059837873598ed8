"""Session descriptions to test with."""


def sdp(*lines: str, end: str = "\r\n") -> bytes:
    """A body of `lines`."""
    return "".join(line + end for line in lines).encode("latin-1")


def audio(*media: str, connection: str = "c=IN IP4 192.0.2.1", version: int = 1) -> bytes:
    """The usual session part, then the lines of `media`."""
    origin = f"o=alice 42 {version} IN IP4 192.0.2.1"
    return sdp("v=0", origin, "s=-", *([connection] if connection else []), "t=0 0", *media)


ASTERISK = audio(
    "m=audio 12344 RTP/AVP 8 0 18 97 101",
    "a=rtpmap:8 PCMA/8000",
    "a=rtpmap:0 PCMU/8000",
    "a=rtpmap:18 G729/8000",
    "a=fmtp:18 annexb=no",
    "a=rtpmap:97 iLBC/8000",
    "a=fmtp:97 mode=20",
    "a=rtpmap:101 telephone-event/8000",
    "a=fmtp:101 0-16",
    "a=ptime:20",
    "a=maxptime:150",
    "a=sendrecv",
)
"""What Asterisk's chan_pjsip offers."""
