"""One SIP message as a packet of HEP version 3, also called EEP: the encapsulation in which Homer, sngrep and
their kin take copies of signalling from the systems that handle it.

"HEP3 Network Protocol Specification", revision 37 (sipcapture/HEP): the letters `HEP3`, the length of it all,
and chunks of a vendor (0: the generic ones), a type, a length and a value, in network byte order.
"""

import struct
from dataclasses import dataclass, field
from typing import Final

from trunkline.observe.message import LadderMessage
from trunkline.sip.ports import Transport

MAX_BYTES: Final = 65_507
"""The most that a UDP datagram over IPv4 holds."""

_HEAD = struct.Struct(">4sH")
_CHUNK = struct.Struct(">HHH")
_FAMILIES: Final = {4: (2, 3, 4), 16: (10, 5, 6)}
"""Length of an address -> IP protocol family, and the types of the chunks of source and destination."""
_PROTOCOLS: Final = {Transport.UDP: 17, Transport.TCP: 6, Transport.TLS: 22}
"""IP protocol numbers; that of TLS is the one that Kamailio and OpenSIPS use for it."""
_SIP: Final = 1


def _chunk(kind: int, value: bytes) -> bytes:
    return _CHUNK.pack(0, kind, _CHUNK.size + len(value)) + value


@dataclass(frozen=True, slots=True)
class HepForm:
    """What the packets of one node have in common."""

    capture_id: int
    """Tells one agent from another at the collector, 0 to 2**32 - 1."""
    node: str
    """The node's name."""
    password: str = field(default="", repr=False)
    """What the collector asks its agents for; empty: nothing. It travels readable."""

    def packet(self, message: LadderMessage, correlation: str) -> bytes:
        """The packet for `message`, as it is. `correlation` is what all messages of one call have in common.
        Raises ValueError where that is too long for a datagram.
        """
        (source, source_port), (target, target_port) = message.ends
        family, source_kind, target_kind = _FAMILIES[len(source)]
        second, micros = divmod(round(message.at * 1e6), 1_000_000)
        chunks = [
            _chunk(1, bytes((family,))),
            _chunk(2, bytes((_PROTOCOLS[message.transport],))),
            _chunk(source_kind, source),
            _chunk(target_kind, target),
            _chunk(7, source_port.to_bytes(2, "big")),
            _chunk(8, target_port.to_bytes(2, "big")),
            _chunk(9, second.to_bytes(4, "big")),
            _chunk(10, micros.to_bytes(4, "big")),
            _chunk(11, bytes((_SIP,))),
            _chunk(12, self.capture_id.to_bytes(4, "big")),
            _chunk(17, correlation.encode("utf-8", "surrogateescape")),
            _chunk(19, self.node.encode()),
        ]
        if self.password:
            chunks.append(_chunk(14, self.password.encode()))
        if len(message.data) > MAX_BYTES:
            raise ValueError("a message that no datagram holds")
        chunks.append(_chunk(15, message.data))
        body = b"".join(chunks)
        if _HEAD.size + len(body) > MAX_BYTES:
            raise ValueError("a packet that no datagram holds")
        return _HEAD.pack(b"HEP3", _HEAD.size + len(body)) + body
