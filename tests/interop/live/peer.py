"""A carrier in a few lines, where SIPp won't do: within a call it answers whoever asks (SIPp answers the one
who began it), and may challenge the second INVITE.
"""

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.interop.audio import Voice
from tests.interop.sipp.program import Message
from tests.interop.sipp.scenario import sdp

_CHALLENGE = 'Proxy-Authenticate: Digest realm="carrier.test", nonce="n1", algorithm=MD5, qop="auth"'


class Carrier:
    """Takes one call at `host` and `port`, whose audio is that of `ear`."""

    def __init__(self, host: str, port: int, ear: Voice, *, challenges: bool) -> None:
        self._contact = f"Contact: <sip:carrier@{host}:{port}>"
        self._ear = ear
        self._challenges = challenges
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((host, port))
        self._socket.settimeout(0.1)
        self.taken: list[Message] = []
        """Requests and responses, in order; repetitions too."""
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._live, name="carrier")
        self._thread.start()

    def requests(self, method: str) -> list[Message]:
        """Those that have come."""
        return [one for one in list(self.taken) if one.text.startswith(f"{method} ")]

    def bye(self) -> None:
        """Hang up, towards where the other side was last."""
        invite = self.requests("INVITE")[-1]
        target = re.search(r"<sip:(?:[^@>]*@)?([\d.]+):(\d+)", invite.header("Contact") or "")
        assert target is not None
        host, port = self._socket.getsockname()
        lines = [
            f"BYE sip:{target[1]}:{target[2]} SIP/2.0",
            f"Via: SIP/2.0/UDP {host}:{port};branch=z9hG4bK-bye;rport",
            f"From: {_tagged(invite.header('To'))}",
            f"To: {invite.header('From')}",
            f"Call-ID: {invite.header('Call-ID')}",
            "CSeq: 1 BYE",
            "Max-Forwards: 70",
        ]
        self._send(lines, "", (target[1], int(target[2])))

    def close(self) -> None:
        """End the thread and free the port."""
        self._closing.set()
        self._thread.join()
        self._socket.close()

    def _live(self) -> None:
        while not self._closing.is_set():
            try:
                data, source = self._socket.recvfrom(65_535)
            except (TimeoutError, OSError):
                continue
            message = Message(sent=False, text=data.decode().replace("\r\n", "\n"))
            self.taken.append(message)
            method = message.start_line.split()[0]
            if method not in ("ACK", "SIP/2.0"):
                self._answer(message, method, source)

    def _answer(self, request: Message, method: str, source: tuple[str, int]) -> None:
        again = ";tag=" in (request.header("To") or "")
        refuses = (
            method == "INVITE" and again and self._challenges and not request.header("Proxy-Authorization")
        )
        lines = [
            "SIP/2.0 407 Proxy Authentication Required" if refuses else "SIP/2.0 200 OK",
            *(f"{name}: {request.header(name)}" for name in ("Via", "From", "Call-ID", "CSeq")),
            f"To: {_tagged(request.header('To'))}",
            _CHALLENGE if refuses else self._contact,
        ]
        describes = method == "INVITE" and not refuses
        self._send(lines, sdp(self._ear, formats="0 101") if describes else "", source)

    def _send(self, lines: list[str], body: str, to: tuple[str, int]) -> None:
        body = body.replace("\n", "\r\n") + "\r\n" if body else ""
        kind = ["Content-Type: application/sdp"] if body else []
        text = "\r\n".join([*lines, *kind, f"Content-Length: {len(body)}", "", body])
        self._socket.sendto(text.encode(), to)


def _tagged(value: str | None) -> str:
    assert value is not None
    return value if ";tag=" in value else f"{value};tag=carrier"


@contextmanager
def carrier_at(host: str, port: int, ear: Voice, *, challenges: bool = False) -> Iterator[Carrier]:
    """One that is closed in every case."""
    carrier = Carrier(host, port, ear, challenges=challenges)
    try:
        yield carrier
    finally:
        carrier.close()
