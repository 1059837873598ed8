"""Digits as rtpengines tell of them: JSON datagrams to the address of their `--dtmf-log-dest`, one for each
telephone-event (RFC 4733) that has ended.

Only the hosts of the configured instances are listened to. What is no such message is counted and dropped.
"""

import asyncio
import json
import socket
from collections.abc import Callable, Collection
from ipaddress import ip_address
from typing import Final, NamedTuple

from trunkline.errors import MediaError

_DATAGRAM: Final = 2048
_IN_A_ROW: Final = 64
"""Datagrams read before others get their turn."""
_EVENTS: Final = "0123456789*#ABCD"
_LONGEST_MS: Final = 65_535


class DigitTold(NamedTuple):
    """Somebody has pressed a key."""

    call_id: str
    tag: str
    digit: str
    duration_ms: int


class DigitLog:
    """A bound socket in the running loop, from `start` to `close`."""

    def __init__(
        self, host: str, port: int, sources: Collection[str], told: Callable[[DigitTold], None]
    ) -> None:
        self._bind = (host, port)
        self._sources = frozenset(sources)
        self._told = told
        self._socket: socket.socket | None = None
        self.ignored = 0
        """Datagrams that were no news, or not from an instance."""

    def start(self) -> None:
        """Bind. Raises `MediaError`."""
        family = socket.AF_INET6 if ip_address(self._bind[0]).version == 6 else socket.AF_INET
        made = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        try:
            made.bind(self._bind)
        except OSError as error:
            made.close()
            raise MediaError(
                f"digits can't be heard at {self._bind[0]}:{self._bind[1]}: {error.strerror}"
            ) from error
        self._socket = made
        asyncio.get_running_loop().add_reader(made.fileno(), self._readable)

    def _readable(self) -> None:
        for _ in range(_IN_A_ROW):
            if self._socket is None:
                return
            try:
                message, source = self._socket.recvfrom(_DATAGRAM)
            except OSError:
                return
            told = read_digit(message) if source[0] in self._sources else None
            if told is None:
                self.ignored += 1
            else:
                self._told(told)

    def close(self) -> None:
        """Listen no more. Idempotent."""
        made, self._socket = self._socket, None
        if made is not None:
            asyncio.get_running_loop().remove_reader(made.fileno())
            made.close()


def read_digit(message: bytes) -> DigitTold | None:
    """What a datagram tells; None for anything else."""
    try:
        told = json.loads(message)
    except (ValueError, RecursionError):
        return None
    if not isinstance(told, dict) or told.get("type") != "DTMF":
        return None
    match told:
        case {
            "callid": str(call_id),
            "source_tag": str(tag),
            "event": int(event),
            "duration": int(duration_ms),
        }:
            if 0 <= event < len(_EVENTS) and 0 <= duration_ms <= _LONGEST_MS:
                return DigitTold(call_id, tag, _EVENTS[event], duration_ms)
    return None
