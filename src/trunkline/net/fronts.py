"""The proxies in front of the node: what they say of the true source is believed, from them alone.

A front removes every `X-Trunkline-Source` that it gets, and adds one with transport, address and port of whom
it got the message from: `X-Trunkline-Source: udp 203.0.113.7 5060`. A header of the front's own is taken, and
not the `received` of the Via below its own (RFC 3261 §18.2.1): that is only there when it differs from what
the client wrote, and a client can write one too.

The gate lets a front in unseen, for everybody comes through it; here it is asked about the true source. What
a front says itself (its health checks, the CANCEL and ACK that it makes) has no such header, and comes from
it. More than one header, or an unreadable one, is not a front's work: the message is dropped. From anybody
else the header means nothing, and `trunkline.call.passing` lets none of them pass.

Whoever can send datagrams in a front's name is believed: what lies between front and nodes has to be a
network of the service's own, or TCP.
"""

import re
from collections.abc import Callable, Collection
from typing import Final

from trunkline.net.admission import RESPONSE, Gate
from trunkline.net.flows import packed
from trunkline.sip.fronted import FrontedFlow
from trunkline.sip.ports import Address, Flow

HEADER: Final = "X-Trunkline-Source"
_FIELDS = re.compile(rb"\n" + HEADER.encode() + rb"[ \t]*:[ \t]*([^\r\n]*)", re.IGNORECASE).findall
_VALUE = re.compile(r"([A-Za-z]{2,8}) \[?([0-9A-Fa-f:.]{2,45})\]? ([0-9]{1,5})", re.ASCII).fullmatch
_END = b"\r\n\r\n"


class Fronts:
    """Stands between the transports and `receive`."""

    def __init__(self, hosts: Collection[str], gate: Gate, receive: Callable[[bytes, Flow], None]) -> None:
        """`hosts` are the fronts' IP addresses."""
        self._hosts: Final = frozenset(hosts)
        self._gate = gate
        self._receive = receive

    def received(self, data: bytes, flow: Flow) -> None:
        """One datagram or one framed message."""
        if flow.remote.host not in self._hosts or data.startswith(RESPONSE):
            self._receive(data, flow)
            return
        fields = _FIELDS(data.partition(_END)[0])
        if not fields:
            self._receive(data, flow)
            return
        fronted = _fronted(fields[0], flow) if len(fields) == 1 else None
        if fronted is None:
            self._gate.refused += 1
            return
        proven = fronted.source_transport != "UDP"
        if self._gate.admits(fronted.source.host, data, proven=proven):
            self._receive(data, fronted)


def _fronted(value: bytes, flow: Flow) -> FrontedFlow | None:
    match = _VALUE(value.decode("latin-1").strip())
    if match is None or packed(match[2]) is None or not 0 < int(match[3]) < 65536:
        return None
    return FrontedFlow(flow, Address(match[2].lower(), int(match[3])), match[1].upper())
