"""A DNS server on loopback, for one test: UDP and TCP on one port, records from a table, failures on
demand.
"""

import asyncio
import socket
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

TTL = 300
SOA = "ns.example. root.example. 1 7200 900 1209600 20"


class DnsServer(asyncio.DatagramProtocol):
    """Answers from `zone`: (name, type) to the texts of records. Other types of a name have no data, others
    no name.
    """

    def __init__(self) -> None:
        self.zone: dict[tuple[str, str], list[str]] = {}
        self.ttl = TTL
        self.silent: set[str] = set()
        """Names that get no answer at all."""
        self.failing: set[str] = set()
        """Names that get SERVFAIL."""
        self.rubbish: set[str] = set()
        """Names that get bytes which are no DNS message."""
        self.truncating: set[str] = set()
        """Names whose answer over UDP is cut."""
        self.asked: Counter[tuple[str, str]] = Counter()
        self.asked_by_tcp = 0
        self.port = 0
        self._udp: asyncio.DatagramTransport | None = None

    def add(self, name: str, kind: str, *records: str) -> None:
        """Put records into the zone. Names inside records end in a dot."""
        self.zone[(name, kind)] = list(records)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._udp = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        answer = self._answer(data, udp=True)
        if answer is not None and self._udp is not None:
            self._udp.sendto(answer, addr)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One question over TCP."""
        self.asked_by_tcp += 1
        length = int.from_bytes(await reader.readexactly(2), "big")
        answer = self._answer(await reader.readexactly(length), udp=False)
        if answer is not None:
            writer.write(len(answer).to_bytes(2, "big") + answer)
        writer.close()

    def _answer(self, data: bytes, *, udp: bool) -> bytes | None:
        query = dns.message.from_wire(data)
        question = query.question[0]
        name = question.name.to_text(omit_final_dot=True).lower()
        kind = dns.rdatatype.to_text(question.rdtype)
        self.asked[(name, kind)] += 1
        if name in self.silent:
            return None
        if name in self.rubbish:
            return b"rubbish"
        answer = dns.message.make_response(query)
        if name in self.failing:
            answer.set_rcode(dns.rcode.SERVFAIL)
        elif udp and name in self.truncating:
            answer.flags |= dns.flags.TC
        else:
            self._fill(answer, name, kind)
        return answer.to_wire()

    def _fill(self, answer: dns.message.Message, name: str, kind: str) -> None:
        for _ in range(10):
            records = self.zone.get((name, kind))
            if records is not None:
                answer.answer.append(dns.rrset.from_text_list(name + ".", self.ttl, "IN", kind, records))
                return
            alias = self.zone.get((name, "CNAME"))
            if alias is None:
                break
            answer.answer.append(dns.rrset.from_text_list(name + ".", self.ttl, "IN", "CNAME", alias))
            if ("alias only", "") in self.zone:
                return
            name = alias[0].rstrip(".")
        if not any(known == name for known, _ in self.zone):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        answer.authority.append(dns.rrset.from_text("example.", self.ttl, "IN", "SOA", SOA))


def udp_and_tcp() -> tuple[socket.socket, socket.socket]:
    """Sockets on one port of 127.0.0.1 that is free for both."""
    while True:
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind(("127.0.0.1", 0))
        tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            tcp.bind(udp.getsockname())
        except OSError:
            udp.close()
            tcp.close()
        else:
            return udp, tcp


@asynccontextmanager
async def dns_server() -> AsyncIterator[DnsServer]:
    """A server that listens on 127.0.0.1."""
    server = DnsServer()
    udp, stream = udp_and_tcp()
    server.port = udp.getsockname()[1]
    tcp = await asyncio.start_server(server.serve, sock=stream)
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: server, sock=udp)
    try:
        yield server
    finally:
        transport.close()
        tcp.close()
        await tcp.wait_closed()
