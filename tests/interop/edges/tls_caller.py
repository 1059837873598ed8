"""A customer in a few lines, where SIPp won't do: over one connection of TLS it calls, answers whoever asks
within the call, and hangs up where it was last told to.
"""

import re
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.interop.addresses import wait_for
from tests.interop.audio import Voice
from tests.interop.node import DOMAIN, KEY, SECRET
from tests.interop.sipp.program import Message
from tests.interop.sipp.scenario import sdp
from trunkline.sip.digest import answer_challenge

_COPIED = ("Via", "Record-Route", "From", "To", "Call-ID", "CSeq")


class TlsCaller:
    """Calls `called` from the address of `voice` by the proxy at `to`. `takes`: whether it agrees to a
    re-INVITE.
    """

    def __init__(self, name: str, called: str, voice: Voice, to: tuple[str, int], *, takes: bool) -> None:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        plain = socket.create_connection(to, timeout=30, source_address=(voice.host, 0))
        self._socket = context.wrap_socket(plain, server_hostname=DOMAIN)
        self._socket.settimeout(None)
        self.place = "{}:{}".format(*self._socket.getsockname())
        self.call_id = name
        self._voice = voice
        self._takes = takes
        self._uri = f"sip:{called}@{DOMAIN}"
        self._to = f"<{self._uri}>"
        self._target = self._uri
        self._route: list[str] = []
        self._cseq = 0
        self.taken: list[Message] = []
        """What has come, in order."""
        self._thread = threading.Thread(target=self._live, name="tls caller")
        self._thread.start()

    @property
    def target(self) -> str:
        """Where what it sends within the call goes to."""
        return self._target

    def requests(self, method: str) -> list[Message]:
        """Those that have come."""
        return [one for one in list(self.taken) if one.text.startswith(f"{method} ")]

    def dial(self) -> None:
        """Until it is answered."""
        refusal = self._final(self._invite())
        self._ack(refusal)
        assert refusal.status == 407
        answer = self._final(self._invite(refusal.header("Proxy-Authenticate")))
        assert answer.status == 200, answer.text
        self._to = answer.header("To") or ""
        self._route = list(reversed(re.findall(r"(?m)^Record-Route: (.*?)\r?$", answer.text)))
        self._aim(answer)
        self._ack(answer)
        assert answer.audio is not None
        self._voice.talk_to(*answer.audio)

    def bye(self) -> int:
        """Hang up; the answer's status."""
        self._request("BYE", [])
        return self._final(self._cseq, "BYE").status or 0

    def close(self) -> None:
        """End the connection and the thread."""
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._socket.close()

    def _invite(self, challenge: str | None = None) -> int:
        more = ["Content-Type: application/sdp"]
        if challenge is not None:
            value = answer_challenge(challenge, "INVITE", self._uri, KEY, SECRET, "cnonce")
            more.append(f"Proxy-Authorization: {value}")
        self._request("INVITE", more, sdp(self._voice, formats="0 101"))
        return self._cseq

    def _request(self, method: str, more: list[str], body: str = "") -> None:
        self._cseq += method != "ACK"
        lines = [
            f"{method} {self._target} SIP/2.0",
            f"Via: SIP/2.0/TLS {self.place};branch=z9hG4bK{self.call_id}-{self._cseq}-{method};rport",
            "Max-Forwards: 70",
            f"From: <sip:{KEY}@{DOMAIN}>;tag=caller",
            f"To: {self._to}",
            f"Call-ID: {self.call_id}",
            f"CSeq: {self._cseq} {method}",
            f"Contact: <sip:{KEY}@{self.place};transport=tls>",
            *(f"Route: {one}" for one in self._route),
            *more,
        ]
        self._send(lines, body)

    def _ack(self, response: Message) -> None:
        """Of a 2xx a request of its own, of anything else one to the same place (RFC 3261 §13.2.2.4,
        §17.1.1.3).
        """
        before, self._to = self._to, response.header("To") or ""
        self._request("ACK", [])
        if response.status != 200:
            self._to = before

    def _final(self, cseq: int, method: str = "INVITE") -> Message:
        def look() -> Message | None:
            answers = [one for one in list(self.taken) if one.header("CSeq") == f"{cseq} {method}"]
            return next((one for one in answers if (one.status or 0) >= 200), None)

        return wait_for(f"an answer to {method}", look, 60, 0.05)

    def _aim(self, message: Message) -> None:
        found = re.search(r"(?m)^Contact:.*?<([^>]+)>", message.text)
        assert found is not None
        self._target = found[1]

    def _live(self) -> None:
        data = b""
        while True:
            head, end, rest = data.partition(b"\r\n\r\n")
            length = re.search(rb"(?i)\r\nContent-Length: *(\d+)", head)
            if end and length is not None and len(rest) >= int(length[1]):
                data = rest[int(length[1]) :]
                whole = head + end + rest[: int(length[1])]
                self._take(Message(sent=False, text=whole.decode().replace("\r\n", "\n")))
                continue
            try:
                more = self._socket.recv(65_535)
            except OSError:
                return
            if not more:
                return
            data += more

    def _take(self, message: Message) -> None:
        method = message.start_line.split()[0]
        if method not in ("SIP/2.0", "ACK"):
            agrees = method != "INVITE" or self._takes
            copied = [
                f"{name}: {value}"
                for name in _COPIED
                for value in re.findall(rf"(?m)^{name}: (.*)$", message.text)
            ]
            lines = [f"SIP/2.0 {'200 OK' if agrees else '488 Not Acceptable Here'}", *copied]
            lines.append(f"Contact: <sip:{KEY}@{self.place};transport=tls>")
            describes = method == "INVITE" and agrees
            self._send(lines, sdp(self._voice, formats="0 101") if describes else "", described=describes)
            if describes:
                self._aim(message)
        self.taken.append(message)

    def _send(self, lines: list[str], body: str, *, described: bool = False) -> None:
        body = body.replace("\n", "\r\n") + "\r\n" if body else ""
        kind = ["Content-Type: application/sdp"] if described else []
        text = "\r\n".join([*lines, *kind, f"Content-Length: {len(body)}", "", body])
        self._socket.sendall(text.encode())


@contextmanager
def tls_caller(
    name: str, called: str, voice: Voice, to: tuple[str, int], *, takes: bool = True
) -> Iterator[TlsCaller]:
    """One that is closed in every case."""
    caller = TlsCaller(name, called, voice, to, takes=takes)
    try:
        yield caller
    finally:
        caller.close()
