"""What goes over the loopback, as a packet filter sees it (AF_PACKET): every RTP stream to given ports.

Needs the right to look: `test_capture.py` runs its tests in a network namespace of their own.
"""

import socket
import struct
import threading
import time
from collections import defaultdict
from collections.abc import Mapping
from typing import Final, NamedTuple, Self

_IPV4: Final = 0x0800
_UDP: Final = 17
_TO_US: Final = 0
"""PACKET_HOST: on the loopback each packet is seen going out as well."""
_BUFFER: Final = 8 << 20
_FORCED_BUFFER: Final = 33
"""SO_RCVBUFFORCE."""


class RtpPacket(NamedTuple):
    """The header of one packet (RFC 3550 §5.1), how long its payload is, and when it was seen."""

    marker: bool
    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    octets: int
    seen_at: float


class Capture:
    """RTP to even ports of a range of 127.0.0.1, from `with` until its end."""

    def __init__(self, ports: tuple[int, int]) -> None:
        self._first, self._last = ports
        self._streams: dict[int, list[RtpPacket]] = defaultdict(list)
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_IPV4))
        self._socket.setsockopt(socket.SOL_SOCKET, _FORCED_BUFFER, _BUFFER)
        self._socket.bind(("lo", _IPV4))
        self._socket.settimeout(0.1)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="capture")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._over.set()
        self._thread.join()
        self._socket.close()

    @property
    def streams(self) -> Mapping[int, list[RtpPacket]]:
        """Packets in the order in which they were sent, by the port that they were sent to."""
        return self._streams

    def _run(self) -> None:
        while not self._over.is_set():
            try:
                data, (_, _, kind, *_) = self._socket.recvfrom(2048)
            except TimeoutError:
                continue
            if kind == _TO_US:
                self._take(data, time.monotonic())

    def _take(self, data: bytes, seen_at: float) -> None:
        header = 4 * (data[0] & 0x0F)
        if data[9] != _UDP or len(data) < header + 8 + 12:
            return
        (port,) = struct.unpack_from("!H", data, header + 2)
        packet = data[header + 8 :]
        if port % 2 or not self._first <= port <= self._last or packet[0] >> 6 != 2:
            return
        sequence, timestamp, ssrc = struct.unpack_from("!HII", packet, 2)
        marker, payload_type = bool(packet[1] & 0x80), packet[1] & 0x7F
        seen = RtpPacket(marker, payload_type, sequence, timestamp, ssrc, len(packet) - 12, seen_at)
        self._streams[port].append(seen)
