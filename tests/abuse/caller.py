"""A customer who knows the password and means no good: a call with any SDP, and an RTP socket to see who
sends there.
"""

import secrets
import select
import socket

from tests.abuse.doors import ANSWER_S, HOST, Datagrams
from tests.interop.node import DOMAIN, KEY, SECRET, Node
from trunkline.sip.digest import answer_challenge
from trunkline.sip.message import Response
from trunkline.sip.parse import parse_message

TONE = "9992000"
"""The simulated carrier's number that talks at once."""


class Listener:
    """A UDP socket on a loopback address that counts what comes."""

    def __init__(self, address: str) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((address, 0))
        self._socket.setblocking(False)
        self.address = address
        self.port = int(self._socket.getsockname()[1])

    def heard(self) -> int:
        """Packets that have come so far, taken off."""
        count = 0
        while select.select([self._socket], [], [], 0)[0]:
            self._socket.recv(65535)
            count += 1
        return count

    def send(self, data: bytes, port: int) -> None:
        self._socket.sendto(data, (HOST, port))

    def close(self) -> None:
        self._socket.close()


class Caller:
    """One call at a time, over UDP."""

    def __init__(self, node: Node, number: str = TONE) -> None:
        self._door = Datagrams(node.port)
        self.address = self._door.address
        self._uri = f"sip:{number}@{HOST}:{node.port}"
        self.call_id = ""
        """Of the call that was made last."""
        self._tag = secrets.token_hex(4)
        self._to = ""
        self._cseq = 0

    def _request(self, method: str, cseq: int, lines: tuple[str, ...] = (), body: bytes = b"") -> bytes:
        address = f"{self._door.address}:5060"
        head = (
            f"{method} {self._uri} SIP/2.0",
            f"Via: SIP/2.0/UDP {address};rport;branch=z9hG4bK{secrets.token_hex(8)}",
            "Max-Forwards: 70",
            f"From: <sip:493012345678@{DOMAIN}>;tag={self._tag}",
            f"To: <{self._uri}>{self._to}",
            f"Call-ID: {self.call_id}",
            f"CSeq: {cseq} {method}",
            f"Contact: <sip:caller@{address}>",
            *lines,
            *(("Content-Type: application/sdp",) if body else ()),
            f"Content-Length: {len(body)}",
            "",
            "",
        )
        return "\r\n".join(head).encode("utf-8", "surrogateescape") + body

    def call(self, body: bytes, lines: tuple[str, ...] = ()) -> Response:
        """The final response; a 200 is acknowledged."""
        self.call_id = f"abuse-{secrets.token_hex(8)}"
        self._to = ""
        self._cseq = 1
        challenge = self._final("INVITE", self._request("INVITE", 1, lines, body))
        if challenge.status != 407:
            return challenge
        values = challenge.headers.all("proxy-authenticate")
        credentials = answer_challenge(
            values, "INVITE", self._uri, KEY, SECRET, secrets.token_hex(8), 1, body
        )
        assert credentials is not None
        self._cseq = 2
        final = self._final(
            "INVITE", self._request("INVITE", 2, (f"Proxy-Authorization: {credentials}", *lines), body)
        )
        if final.status == 200:
            self._to = f";tag={final.to_tag}"
            self._door.throw(self._request("ACK", 2))
        return final

    def change(self, body: bytes) -> Response:
        """re-INVITE in the call that is up; the final response, which is acknowledged."""
        self._cseq += 1
        final = self._final("INVITE", self._request("INVITE", self._cseq, (), body))
        if final.status == 200:
            self._door.throw(self._request("ACK", self._cseq))
        return final

    def hang_up(self) -> None:
        """BYE, and its 200."""
        self._cseq += 1
        assert self._final("BYE", self._request("BYE", self._cseq)).status in (200, 481)

    def _final(self, method: str, request: bytes) -> Response:
        """Send it; the final response. An INVITE's refusal is acknowledged."""
        self._door.throw(request)
        for answer in self._door.answers(ANSWER_S):
            response = parse_message(answer)
            if (
                isinstance(response, Response)
                and response.call_id == self.call_id
                and response.cseq == (self._cseq, method)
                and response.status >= 200
            ):
                if response.status >= 300 and method == "INVITE":
                    ack = request.replace(b"INVITE ", b"ACK ", 1).replace(b" INVITE\r\n", b" ACK\r\n", 1)
                    self._door.throw(ack)
                return response
        raise AssertionError(f"no final response to {request[:60]!r}")

    def probe(self) -> None:
        """The node is still there."""
        self._door.probe()

    def close(self) -> None:
        self._door.close()
