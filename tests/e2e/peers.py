"""A carrier and a PBX that send whatever bytes a test wants, over UDP."""

import secrets
import socket
import threading
from types import TracebackType
from typing import Self

from tests.e2e.site import CARRIER, NUMBER, Site
from tests.interop.node import DOMAIN, HOST

PBX = "127.0.0.31"
OFFER = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.20\r\ns=-\r\nc=IN IP4 127.0.0.20\r\nt=0 0\r\nm=audio 30000 RTP/AVP 8 0\r\n"
)


class RefusingPbx:
    """Answers every INVITE with the same lines and body. A context manager."""

    def __init__(self, status: str, lines: tuple[str, ...] = (), body: str = "") -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((PBX, 0))
        self.uri = f"sip:100@{PBX}:{self._socket.getsockname()[1]}"
        kind = ("Content-Type: application/sdp",) if body else ()
        self._status = status
        self._rest = "\r\n".join((*lines, *kind, f"Content-Length: {len(body)}", "", body))
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.sendto(b"", self._socket.getsockname())
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while True:
            data, peer = self._socket.recvfrom(65535)
            if not data:
                return
            lines = data.decode("utf-8", "surrogateescape").split("\r\n\r\n")[0].split("\r\n")
            if not lines[0].startswith("INVITE "):
                continue
            wanted = ("via:", "from:", "to:", "call-id:", "cseq:")
            kept = [line for line in lines[1:] if line.lower().startswith(wanted)]
            kept = [f"{line};tag=pbx" if line.lower().startswith("to:") else line for line in kept]
            answer = "\r\n".join((f"SIP/2.0 {self._status}", *kept, self._rest))
            self._socket.sendto(answer.encode("utf-8", "surrogateescape"), peer)


def carrier_call(
    site: Site,
    *,
    call_id: str | None = None,
    from_: str = "<sip:442071838750@carrier.example>",
    more: str = "",
) -> tuple[str, int]:
    """A call of the carrier's to `NUMBER` that is refused; its Call-ID, and the status that it was told."""
    call_id = call_id or f"e2e-{secrets.token_hex(8)}"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        phone.bind((CARRIER, 0))
        phone.settimeout(60)
        port = phone.getsockname()[1]
        branch = f"z9hG4bK{secrets.token_hex(8)}"

        def request(method: str, tag: str = "") -> bytes:
            body = OFFER if method == "INVITE" else ""
            head = (
                f"{method} sip:{NUMBER}@{DOMAIN} SIP/2.0",
                f"Via: SIP/2.0/UDP {CARRIER}:{port};branch={branch}",
                f"From: {from_};tag=carrier",
                f"To: <sip:{NUMBER}@{DOMAIN}>{tag}",
                f"Call-ID: {call_id}",
                f"CSeq: 1 {method}",
                "Max-Forwards: 70",
                f"Contact: <sip:{CARRIER}:{port}>",
                *([more] if more and method == "INVITE" else []),
                *(["Content-Type: application/sdp"] if body else []),
                f"Content-Length: {len(body)}",
            )
            return "\r\n".join((*head, "", body)).encode("utf-8", "surrogateescape")

        phone.sendto(request("INVITE"), (HOST, site.node.port))
        while True:
            answer = phone.recv(65535).decode("utf-8", "replace")
            status = int(answer.split(" ", 2)[1])
            if status >= 300:
                tag = answer.split("\r\nTo:", 1)[1].split("\r\n", 1)[0].partition(";tag=")[2]
                phone.sendto(request("ACK", f";tag={tag}"), (HOST, site.node.port))
                return call_id, status
