"""The session description in a multipart body (RFC 5621, RFC 2046 §5.1).

Carriers put ISUP, a location or a picture beside the SDP. `unwrap` leaves the description alone in the
message, so that everything above sees what it always sees. In `multipart/alternative` the last part that is a
description counts, elsewhere the first (RFC 2046 §5.1.4, RFC 5621 §7). A message without one, or whose parts
can't be told apart, is left as it is: the user agent answers a request with 415.

Deliberate deviation: a part that isn't understood makes the message unusable only where it says
`handling=required` itself; by RFC 5621 §8.1 that is also what its silence means, but those who send ISUP
without the parameter expect to be served. Bounds: `MAX_PARTS`, `MAX_DEPTH`, `MAX_PART_HEAD`; linear in the
body.
"""

import re

from trunkline.sip.message import Message

MAX_PARTS = 16
MAX_DEPTH = 3
MAX_PART_HEAD = 2048
"""Bytes of one part's header fields."""

_BOUNDARY = re.compile(
    r';\s*boundary\s*=\s*(?:"([^"\r\n]{1,70})"|([!#$%&\'*+.^_`|~0-9A-Za-z/:?=()-]{1,70}))', re.IGNORECASE
)
_TYPE = re.compile(rb"(?:^|\n)content-type[ \t]*:[ \t]*([^\r\n]*)", re.IGNORECASE)
_REQUIRED = re.compile(
    rb"(?:^|\n)content-disposition[ \t]*:[^\r\n]*handling[ \t]*=[ \t]*required", re.IGNORECASE
)
_ENCODED = re.compile(rb"(?:^|\n)content-transfer-encoding[ \t]*:[ \t]*(?!7bit|8bit|binary)", re.IGNORECASE)
_SDP = "application/sdp"


def unwrap(message: Message) -> None:
    """Leave the session description of a multipart body alone in `message`, if there is one."""
    content_type = message.headers.get("content-type")
    if content_type is None or content_type[:10].lower() != "multipart/":
        return
    found = _description(content_type, message.body, MAX_DEPTH)
    if found is not None:
        message.body = found
        message.headers.set("content-type", _SDP)


def _description(content_type: str, body: bytes, depth: int) -> bytes | None:
    """The description in a multipart body; None when there is none that can be used."""
    parts = _parts(content_type, body)
    if depth == 0 or parts is None:
        return None
    found: bytes | None = None
    last_counts = content_type[:21].lower() == "multipart/alternative"
    for head, content in parts:
        kind = _TYPE.search(head)
        name = "text/plain" if kind is None else kind[1].decode("latin-1").strip()
        inner: bytes | None = None
        if name.partition(";")[0].strip().lower() == _SDP:
            inner = None if _ENCODED.search(head) else content
        elif name[:10].lower() == "multipart/":
            inner = _description(name, content, depth - 1)
        if inner is None:
            if _REQUIRED.search(head):
                return None
        elif found is None or last_counts:
            found = inner
    return found


def _parts(content_type: str, body: bytes) -> list[tuple[bytes, bytes]] | None:
    """(header fields, content) of each part; None for what is no multipart body, or has too many parts."""
    named = _BOUNDARY.search(content_type)
    if named is None:
        return None
    delimiter = b"--" + (named[1] or named[2]).encode("latin-1")
    # The CRLF before a delimiter belongs to it; the first one may stand at the very beginning.
    sections = (b"\r\n" + body).split(b"\r\n" + delimiter, MAX_PARTS + 2)
    if len(sections) < 3 or len(sections) > MAX_PARTS + 2:
        return None
    parts: list[tuple[bytes, bytes]] = []
    for section in sections[1:]:
        if section.startswith(b"--"):
            return parts
        line, broken, rest = section.partition(b"\r\n")
        if line.strip(b" \t") or not broken:
            return None
        head, _, content = (b"\r\n" + rest).partition(b"\r\n\r\n")
        if len(head) > MAX_PART_HEAD:
            return None
        parts.append((head, content))
    return None
