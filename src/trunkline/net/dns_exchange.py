"""One question to one nameserver: over UDP, and over TCP when the answer was cut (RFC 1035, RFC
7766).

dnspython packs and unpacks the messages; the sockets are ours, because a cancelled lookup must not leave one
open (uvloop loses a datagram endpoint that is cancelled while it opens). Every question leaves from a fresh
random port of a connected socket, so that only the nameserver's own answers come in, and what doesn't match
the question is passed over (RFC 5452).
"""

import asyncio
import contextlib
import socket
from typing import Final

import dns.exception
import dns.flags
import dns.message
import dns.name

from trunkline.net.flows import packed
from trunkline.net.locating import RecordType
from trunkline.sip.ports import Address

MAX_UDP_ANSWER: Final = 1232
"""What we say we take over UDP (EDNS): no fragments on any usual path."""


async def exchange(name: dns.name.Name, kind: RecordType, server: Address) -> dns.message.QueryMessage:
    """The answer to a question. Takes as long as it takes: bound it from outside, by cancelling.

    Raises `OSError` when the server can't be reached, `EOFError` when it hangs up,
    `dns.exception.DNSException` for an answer over TCP that can't be read.
    """
    query = dns.message.make_query(name, kind, use_edns=0, payload=MAX_UDP_ANSWER)
    answer = await _over_udp(query, server)
    return await _over_tcp(query, server) if answer.flags & dns.flags.TC else answer


async def _over_udp(query: dns.message.QueryMessage, server: Address) -> dns.message.QueryMessage:
    loop = asyncio.get_running_loop()
    with _socket(server, socket.SOCK_DGRAM) as udp:
        udp.connect(tuple(server))
        udp.send(query.to_wire())
        while True:
            data = await loop.sock_recv(udp, 65_535)
            with contextlib.suppress(dns.exception.DNSException):
                answer = dns.message.from_wire(data, ignore_trailing=True)
                if isinstance(answer, dns.message.QueryMessage) and query.is_response(answer):
                    return answer


async def _over_tcp(query: dns.message.QueryMessage, server: Address) -> dns.message.QueryMessage:
    loop = asyncio.get_running_loop()
    wire = query.to_wire()
    with _socket(server, socket.SOCK_STREAM) as stream:
        await loop.sock_connect(stream, tuple(server))
        await loop.sock_sendall(stream, len(wire).to_bytes(2, "big") + wire)
        length = int.from_bytes(await _exactly(stream, 2), "big")
        answer = dns.message.from_wire(await _exactly(stream, length))
    if not isinstance(answer, dns.message.QueryMessage) or not query.is_response(answer):
        raise ConnectionError("the nameserver answered another question")
    return answer


async def _exactly(stream: socket.socket, size: int) -> bytes:
    loop = asyncio.get_running_loop()
    data = bytearray()
    while len(data) < size:
        piece = await loop.sock_recv(stream, size - len(data))
        if not piece:
            raise EOFError("the nameserver hung up")
        data += piece
    return bytes(data)


def _socket(server: Address, kind: socket.SocketKind) -> socket.socket:
    ipv6 = len(packed(server.host) or b"") == 16
    made = socket.socket(socket.AF_INET6 if ipv6 else socket.AF_INET, kind)
    made.setblocking(False)
    return made
