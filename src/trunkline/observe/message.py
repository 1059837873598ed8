"""One SIP message as the ladder keeps it, and its form in a journal chunk.

A chunk holds every message of one call, oldest first. Its layout is this module's own; a journal written by
another version of it is refused by `FORMAT`.
"""

import ipaddress
import struct
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from trunkline.observe.masking import mask_caller, mask_message
from trunkline.sip.ports import Address, Transport

FORMAT = 1
"""Goes up when the layout of a chunk changes."""

UNKNOWN_HOSTS = {4: ipaddress.ip_address("192.0.2.1"), 6: ipaddress.ip_address("2001:db8::1")}
"""Stands in for our own address where only a name is known (RFC 5737, RFC 3849: documentation)."""

PackedEnd = tuple[bytes, int]
"""An IP address as 4 or 16 bytes, and a port."""

_TRANSPORTS = (Transport.UDP, Transport.TCP, Transport.TLS)
_TRANSPORT_CODES = {transport: code for code, transport in enumerate(_TRANSPORTS)}
# wall time, leg, sent, transport, port and length of host (local, then remote), length of the message
_HEAD = struct.Struct("<dHBBHBHBI")


class LadderMessage(NamedTuple):
    """One SIP message of a call, as it was on the wire."""

    at: float
    """Wall-clock seconds since the epoch."""
    leg: int
    """0 for the caller's leg, 1 and up for the attempts in their order."""
    sent: bool
    """True when Trunkline sent it, False when it came in."""
    transport: Transport
    local: Address
    """What Trunkline writes into Via and Contact; its host may be a name."""
    remote: Address
    data: bytes

    def masked(self) -> "LadderMessage":
        """The same message without its secrets."""
        return self._replace(data=mask_message(self.data))

    def without_caller(self) -> "LadderMessage":
        """The same message without anything that names the caller, whose leg it is of."""
        return self._replace(data=mask_caller(self.data, sent=self.sent))

    @property
    def ends(self) -> tuple[PackedEnd, PackedEnd]:
        """Where it came from and where it went, as addresses of one IP version. An end that isn't known as
        one of the other's (we advertise a host name) is at one of `UNKNOWN_HOSTS`.
        """
        remote = _packed(self.remote, None)
        local = _packed(self.local, len(remote[0]))
        return (local, remote) if self.sent else (remote, local)


@lru_cache(maxsize=1024)
def _packed(address: Address, length: int | None) -> PackedEnd:
    """An address that isn't of `length` bytes (None: any) becomes the unknown one."""
    try:
        host = ipaddress.ip_address(address.host)
    except ValueError:
        host = UNKNOWN_HOSTS[6 if length == 16 else 4]
    if length is not None and len(host.packed) != length:
        host = UNKNOWN_HOSTS[6 if length == 16 else 4]
    return host.packed, address.port


@lru_cache(maxsize=256)
def _host(host: str) -> bytes:
    return host.encode("utf-8", "surrogateescape")[:255]


def pack(messages: Iterable[LadderMessage]) -> bytes:
    """Write `messages` as one chunk."""
    parts: list[bytes] = []
    for message in messages:
        local = _host(message.local.host)
        remote = _host(message.remote.host)
        head = _HEAD.pack(
            message.at,
            message.leg & 0xFFFF,
            message.sent,
            _TRANSPORT_CODES[message.transport],
            message.local.port,
            len(local),
            message.remote.port,
            len(remote),
            len(message.data),
        )
        parts += (head, local, remote, message.data)
    return b"".join(parts)


def unpack(chunk: bytes) -> list[LadderMessage]:
    """Read the messages of a chunk. Raises ValueError when it is no chunk of this `FORMAT`."""
    messages: list[LadderMessage] = []
    offset = 0
    try:
        while offset < len(chunk):
            at, leg, sent, transport, local_port, local_length, remote_port, remote_length, length = (
                _HEAD.unpack_from(chunk, offset)
            )
            local_end = offset + _HEAD.size + local_length
            remote_end = local_end + remote_length
            end = remote_end + length
            if end > len(chunk):
                raise ValueError("a message is cut short")
            local = chunk[offset + _HEAD.size : local_end].decode("utf-8", "surrogateescape")
            remote = chunk[local_end:remote_end].decode("utf-8", "surrogateescape")
            messages.append(
                LadderMessage(
                    at,
                    leg,
                    bool(sent),
                    _TRANSPORTS[transport],
                    Address(local, local_port),
                    Address(remote, remote_port),
                    chunk[remote_end:end],
                )
            )
            offset = end
    except (struct.error, IndexError) as error:
        raise ValueError(f"not a chunk of format {FORMAT}: {error}") from error
    return messages
