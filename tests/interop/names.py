"""A DNS server with a few names, on loopback."""

import contextlib
import socket
import threading
from collections.abc import Iterator, Mapping

import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

Zone = Mapping[tuple[str, str], str]
"""(name, type) to the text of one record; names end in a dot. Every other name does not exist."""


@contextlib.contextmanager
def name_server(zone: Zone, address: tuple[str, int] = ("127.0.0.1", 0)) -> Iterator[int]:
    """Answers over UDP at `address`; the port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(address)
        server.settimeout(0.1)
        closing = threading.Event()
        thread = threading.Thread(target=_serve, args=(server, zone, closing), name="name server")
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            closing.set()
            thread.join()


def _serve(server: socket.socket, zone: Zone, closing: threading.Event) -> None:
    while not closing.is_set():
        try:
            data, client = server.recvfrom(4096)
        except TimeoutError:
            continue
        query = dns.message.from_wire(data)
        question = query.question[0]
        name = question.name.to_text().lower()
        kind = dns.rdatatype.to_text(question.rdtype)
        answer = dns.message.make_response(query)
        record = zone.get((name, kind))
        if record is not None:
            answer.answer.append(dns.rrset.from_text(name, 60, "IN", kind, record))
        elif not any(known == name for known, _ in zone):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        server.sendto(answer.to_wire(), client)
