"""Messages out of a byte stream (RFC 3261 §18.3, §20.14) and the keep-alives between them (RFC 5626 §4.4.1).

Sans-I/O: `net` feeds what a TCP or TLS connection delivers. A stream needs exactly one well-formed
Content-Length in every message; anything else ends it, since nobody can tell where the next message begins.
Linear however the bytes are cut.

Reading what is inside a message is `parse`.
"""

import re
from enum import Enum

from trunkline.sip import limits
from trunkline.sip.errors import SipSyntaxError
from trunkline.sip.parse import salvage

_LENGTH = re.compile(rb"\r\n(?:Content-Length|l)[ \t]*+:((?:[^\r\n]++|\r\n[ \t])*)", re.IGNORECASE)
_LINE_ENDS = re.compile(rb"(?:\r\n)++").match
_DIGITS = re.compile(rb"[0-9]{1,10}").fullmatch


class KeepAlive(Enum):
    """RFC 5626 §4.4.1: a client pings with two CRLF, the server answers with one."""

    PING = b"\r\n\r\n"
    PONG = b"\r\n"


class StreamFramer:
    """One direction of one connection."""

    __slots__ = ("_blank", "_buffer", "_need", "_scanned", "awaiting_pong", "failure")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._scanned = 0
        self._need = 0
        self._blank = False
        self.awaiting_pong = False
        """Set it after sending a ping: the next lone CRLF then counts as `KeepAlive.PONG`, and clears it."""
        self.failure: SipSyntaxError | None = None
        """Why the stream can't go on; every further `feed` raises it."""

    def feed(self, data: bytes) -> list[bytes | KeepAlive]:
        """Take what has arrived; return the messages and keep-alives that are complete, in order.

        Raises `SipSyntaxError` when the stream can't go on. When something was complete before the fault,
        that is returned and the fault is left in `failure`.
        """
        if self.failure is not None:
            raise self.failure
        buffer = self._buffer
        buffer += data
        complete: list[bytes | KeepAlive] = []
        try:
            while buffer and self._step(complete):
                pass
        except SipSyntaxError as error:
            self.failure = error
            buffer.clear()
            if not complete:
                raise
        return complete

    @property
    def mid_message(self) -> bool:
        """True while a message has begun and is not complete."""
        return bool(self._buffer)

    def _step(self, complete: list[bytes | KeepAlive]) -> bool:
        """Take one thing off the front of the buffer; False when there isn't enough for one."""
        buffer = self._buffer
        if not self._need:
            if buffer[0] in b"\r\n":
                return self._take_line_ends(complete)
            self._blank = False
            end = buffer.find(b"\r\n\r\n", self._scanned)
            if end < 0:
                if len(buffer) > limits.HEAD_BYTES + 3:
                    raise _too_long(bytes(buffer))
                self._scanned = max(0, len(buffer) - 3)
                return False
            self._need = end + 4 + _content_length(bytes(buffer[: end + 4]))
        if len(buffer) < self._need:
            return False
        complete.append(bytes(buffer[: self._need]))
        del buffer[: self._need]
        self._need = self._scanned = 0
        return True

    def _take_line_ends(self, complete: list[bytes | KeepAlive]) -> bool:
        """Take CRLFs off the front; however many pings come at once, they are reported as one."""
        buffer = self._buffer
        match = _LINE_ENDS(buffer)
        if match is None:
            if buffer == b"\r":
                return False
            raise SipSyntaxError("message", "bare CR or LF between messages")
        count = match.end() // 2
        del match
        del buffer[: 2 * count]
        if self.awaiting_pong:
            self.awaiting_pong = False
            count -= 1
            complete.append(KeepAlive.PONG)
        count += self._blank
        self._blank = count % 2 == 1
        if count >= 2:
            complete.append(KeepAlive.PING)
        return True


def _content_length(head: bytes) -> int:
    if len(head) > limits.HEAD_BYTES + 4:
        raise _too_long(head)
    values = _LENGTH.findall(head)
    if len(values) != 1:
        detail = "present more than once" if values else "missing on a stream"
        raise SipSyntaxError("Content-Length", detail, message=salvage(head))
    value = values[0].strip()
    if not _DIGITS(value):
        raise SipSyntaxError("Content-Length", "not a number", message=salvage(head))
    length = int(value)
    if length > limits.BODY_BYTES:
        raise SipSyntaxError("Content-Length", "body too large", status=513, message=salvage(head))
    return length


def _too_long(head: bytes) -> SipSyntaxError:
    return SipSyntaxError("message", "header fields too long", status=513, message=salvage(head))
