"""One session description, read line by line (RFC 8866 §5, §9), strictly where it matters for offer and
answer.

Reads what an RTP audio call needs (origin, connection, timing, media, attributes) and checks only the syntax
of the rest. What the attributes mean is `offer_answer`. Deliberate leniencies, each pinned by a test: a bare
LF ends a line (RFC 8866 §5 asks for that), `s=` may be empty or missing and so may `t=` (some telephones),
lines within a section may come in any order, the username of `o=` may hold spaces. Deliberate strictness: a
second `o=`, `s=` or `c=` in one section is refused, because two readers could choose differently.

Every bound is here. All work is linear in the size of the body.
"""

from typing import NamedTuple

from trunkline.sdp.errors import SdpSyntaxError

MAX_BYTES = 16384
MAX_LINES = 512
MAX_MEDIA = 16
MAX_FORMATS = 128
MAX_ORIGIN_DIGITS = 20

_SESSION_ONLY = frozenset("vostzrupe")
_KNOWN = frozenset("vosiuepcbtrzkam")


class Origin(NamedTuple):
    """The `o=` line (RFC 8866 §5.2). The address is text: it may be a name, and nothing is ever sent
    there."""

    username: str
    session_id: str
    version: str
    address_type: str
    address: str


class Connection(NamedTuple):
    """A `c=` line (RFC 8866 §5.7), as text."""

    network_type: str
    address_type: str
    address: str
    """May carry a multicast TTL and count (`233.252.0.1/127/3`)."""


class MediaDescription:
    """One `m=` section (RFC 8866 §5.14)."""

    __slots__ = ("attributes", "connection", "formats", "media", "port", "protocol")

    def __init__(self, media: str, port: int, protocol: str, formats: list[str]) -> None:
        self.media = media
        """`audio`, `video`, …"""
        self.port = port
        """0 to 65535; 0: the stream is rejected or removed."""
        self.protocol = protocol
        """`RTP/AVP`, …"""
        self.formats = formats
        self.connection: Connection | None = None
        """Its own `c=` line; None when it relies on the session's."""
        self.attributes: list[str] = []
        """What follows `a=`, in order."""


class SessionDescription:
    """A whole description. `SessionDescription.read` makes it."""

    __slots__ = ("attributes", "connection", "media", "origin", "time")

    def __init__(self, origin: Origin) -> None:
        self.origin = origin
        self.connection: Connection | None = None
        self.time = "0 0"
        """The first `t=` line. An answer repeats it (RFC 3264 §6)."""
        self.attributes: list[str] = []
        self.media: list[MediaDescription] = []

    @classmethod
    def read(cls, body: bytes) -> "SessionDescription":
        """Read `body`. Raises `SdpSyntaxError`.

        The text is taken as Latin-1, which any bytes are: nothing outside ASCII has a meaning here.
        """
        return _Reader(_lines(body)).read()


def _lines(body: bytes) -> list[str]:
    if len(body) > MAX_BYTES:
        raise SdpSyntaxError(f"longer than {MAX_BYTES} bytes")
    text = body.decode("latin-1").replace("\r\n", "\n")
    if "\r" in text or "\0" in text:
        raise SdpSyntaxError("holds a NUL or a CR without LF")
    lines = text.rstrip("\n").split("\n")
    if len(lines) > MAX_LINES:
        raise SdpSyntaxError(f"more than {MAX_LINES} lines")
    return lines


class _Reader:
    """The state of one reading; `number` is the line being read, from 1."""

    __slots__ = ("lines", "number", "seen")

    def __init__(self, lines: list[str]) -> None:
        self.lines = lines
        self.number = 1
        self.seen: set[str] = set()
        """Once-only letters met in the current section."""

    def fail(self, detail: str) -> SdpSyntaxError:
        return SdpSyntaxError(detail, self.number)

    def read(self) -> SessionDescription:
        lines = self.lines
        if lines[0] != "v=0":
            raise self.fail("must be v=0")
        origin = next((line for line in lines if line.startswith("o=")), None)
        if origin is None:
            raise SdpSyntaxError("no o= line")
        description = SessionDescription(self.origin(origin))
        attributes = description.attributes
        media: MediaDescription | None = None
        for number, line in enumerate(lines[1:], 2):
            start = line[:2]
            if start == "a=":
                attributes.append(line[2:])
                continue
            self.number = number
            if start == "m=":
                media = self.media(line)
                description.media.append(media)
                if len(description.media) > MAX_MEDIA:
                    raise self.fail(f"more than {MAX_MEDIA} media sections")
                attributes = media.attributes
                self.seen.clear()
            else:
                self.other(start, line, description if media is None else media)
        return description

    def other(self, start: str, line: str, section: SessionDescription | MediaDescription) -> None:
        letter = start[:1]
        if letter not in _KNOWN or start[1:] != "=":
            raise self.fail("not a line of a session description")
        if letter in _SESSION_ONLY and isinstance(section, MediaDescription):
            raise self.fail(f"{letter}= within a media section")
        if letter in "vosc":
            if letter in self.seen or letter == "v":
                raise self.fail(f"a second {letter}= line")
            self.seen.add(letter)
            if letter == "c":
                section.connection = self.connection(line)
        elif letter == "t" and isinstance(section, SessionDescription):
            self.time(line, section)

    def origin(self, line: str) -> Origin:
        self.number = self.lines.index(line) + 1
        fields = line[2:].rsplit(" ", 5)
        if len(fields) != 6:
            raise self.fail("o= needs six fields")
        username, session_id, version, _, address_type, address = fields
        if not (_is_number(session_id, MAX_ORIGIN_DIGITS) and _is_number(version, MAX_ORIGIN_DIGITS)):
            raise self.fail("session id and version must be numbers")
        if not username or not address:
            raise self.fail("o= has an empty field")
        return Origin(username, session_id, version, address_type, address)

    def connection(self, line: str) -> Connection:
        fields = line[2:].split(" ")
        if len(fields) != 3 or not all(fields):
            raise self.fail("c= needs three fields")
        return Connection(*fields)

    def time(self, line: str, section: SessionDescription) -> None:
        fields = line[2:].split(" ")
        if len(fields) != 2 or not (_is_number(fields[0], 20) and _is_number(fields[1], 20)):
            raise self.fail("t= needs two numbers")
        if "t" not in self.seen:
            self.seen.add("t")
            section.time = line[2:]

    def media(self, line: str) -> MediaDescription:
        fields = line[2:].split()
        if len(fields) < 4:
            raise self.fail("m= needs a medium, a port, a protocol and a format")
        if len(fields) > MAX_FORMATS + 3:
            raise self.fail(f"more than {MAX_FORMATS} formats")
        port, slash, count = fields[1].partition("/")
        if not _is_number(port, 5) or int(port) > 65535 or (slash and not _is_number(count, 5)):
            raise self.fail("malformed port")
        return MediaDescription(fields[0], int(port), fields[2], fields[3:])


def _is_number(text: str, max_digits: int) -> bool:
    """Whether `text` is 1 to `max_digits` ASCII digits (Latin-1 holds no other decimals)."""
    return text.isdecimal() and len(text) <= max_digits
