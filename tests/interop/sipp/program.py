"""Running SIPp, and reading what it sent and received."""

import re
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tests.interop.addresses import free_port, listens, wait_for
from tests.interop.sipp.scenario import Scenario
from tests.programs import require_program

_BANNER = re.compile(rb"(?m)^-{20,} .*\n")
_TITLE = re.compile(rb"(?:UDP|TCP|TLS) message (sent|received) [(\[](\d+)[^\n]*:\n\n")


class Message(NamedTuple):
    """One message of SIPp's trace."""

    sent: bool
    text: str

    def header(self, name: str) -> str | None:
        """The first field of this name."""
        found = re.search(rf"(?mi)^{name}[ \t]*:[ \t]*(.*?)\r?$", self.text)
        return None if found is None else found[1]

    @property
    def start_line(self) -> str:
        """Request line or status line."""
        return self.text.split("\n", 1)[0].strip()

    @property
    def status(self) -> int | None:
        """Of a response."""
        return int(self.start_line.split()[1]) if self.start_line.startswith("SIP/2.0 ") else None

    @property
    def body(self) -> str:
        """What stands behind the header fields."""
        return self.text.partition("\n\n")[2]

    @property
    def audio(self) -> tuple[str, int] | None:
        """Where its SDP wants RTP."""
        host = re.search(r"(?m)^c=IN IP[46] (\S+)", self.body)
        port = re.search(r"(?m)^m=audio (\d+)", self.body)
        return None if host is None or port is None else (host[1], int(port[1]))


class Sipp:
    """One SIPp that plays `scenario` once (`calls` times) from `host`. Servers, with `to` None, are listening
    when this returns.
    """

    def __init__(
        self,
        directory: Path,
        scenario: Scenario,
        *,
        host: str,
        port: int | None = None,
        to: tuple[str, int] | None = None,
        user: str = "",
        password: str = "",
        transport: str = "u1",
        calls: int = 1,
        rate: int = 10,
        within_s: float = 90,
        options: Sequence[str] = (),
    ) -> None:
        self.host = host
        self.port = port or free_port(host)
        self._told = 0
        name = f"{'caller' if to else 'callee'}-{self.port}-{len(list(directory.iterdir()))}"
        file = directory / f"{name}.xml"
        scenario.write(file)
        self._messages = directory / f"{name}.messages"
        self._errors = directory / f"{name}.errors"
        self._output = directory / f"{name}.output"
        bracket = f"[{host}]" if ":" in host else host
        command = [
            require_program("sipp"),
            *("-sf", str(file), "-i", bracket, "-p", str(self.port), "-t", transport),
            *("-mi", bracket, "-mp", str(free_port(host)), "-m", str(calls), "-r", str(rate)),
            *("-trace_msg", "-message_file", str(self._messages), "-message_overwrite", "false"),
            *("-trace_err", "-error_file", str(self._errors)),
            *("-timeout", f"{within_s:g}s", "-timeout_error", "-nostdin", "-skip_rlimit"),
            *("-au", user or "nobody", "-ap", password or "nothing"),
            *options,
        ]
        if to is not None:
            command.append(f"[{to[0]}]:{to[1]}" if ":" in to[0] else f"{to[0]}:{to[1]}")
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(
                command, cwd=directory, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
        if to is None:
            kind = "udp" if transport.startswith("u") else "tcp"
            wait_for(
                f"sipp to listen on {host}:{self.port}",
                lambda: self._process.poll() is not None or listens(host, self.port, kind),
            )
            if self._process.poll() is not None:
                self.done()

    @property
    def messages(self) -> list[Message]:
        """All messages so far; one that is being written isn't one yet."""
        if not self._messages.exists():
            return []
        messages = []
        for part in _BANNER.split(self._messages.read_bytes()):
            title = _TITLE.match(part)
            if title is not None and len(part) - title.end() >= int(title[2]):
                text = part[title.end() :].decode(errors="replace").replace("\r\n", "\n")
                messages.append(Message(title[1] == b"sent", text.lstrip("\n")))
        return messages

    def received(self, start: str) -> Message:
        """Wait for a message that starts so, such as `SIP/2.0 200` or `INVITE`; the latest one."""

        def look() -> Message | None:
            found = [item for item in self.messages if not item.sent and item.text.startswith(start)]
            return found[-1] if found else None

        return wait_for(f"sipp at {self.host}:{self.port} to receive {start}", look)

    def requests(self, method: str) -> list[Message]:
        """Those that it has received so far, each once: what is repeated has the branch of before (RFC 3261
        §17.2.3), and is repeated where a busy machine lets it wait for half a second.
        """
        found = [item for item in self.messages if not item.sent and item.text.startswith(f"{method} ")]
        return list({item.header("Via"): item for item in found}.values())

    def answer(self) -> Message:
        """Wait for the 200 to its INVITE; the first one."""

        def look() -> Message | None:
            found = (item for item in self.messages if not item.sent and item.status == 200)
            return next((item for item in found if (item.header("CSeq") or "").endswith("INVITE")), None)

        return wait_for(f"sipp at {self.host}:{self.port} to be answered", look)

    def remote_audio(self) -> tuple[str, int]:
        """Wait for an INVITE to it, or an answer to its own; where the latest wants RTP."""

        def look() -> tuple[str, int] | None:
            if self._process.poll() is not None:
                self.done()
            described = [item.audio for item in self.messages if not item.sent and item.audio is not None]
            return described[-1] if described else None

        return wait_for(f"sipp at {self.host}:{self.port} to learn where audio goes", look)

    def tell(self) -> None:
        """Let a scenario that waits `until_told` go on, by an INFO that looks like the other side's."""

        def in_dialog() -> bool:
            messages = self.messages
            told = sum(item.text.startswith("INFO ") for item in messages)
            acknowledged = any(item.text.startswith("ACK ") for item in messages)
            early = any(item.sent and item.status == 183 for item in messages)
            return (acknowledged or early) and told == self._told

        wait_for(f"sipp at {self.host}:{self.port} to be in a call", in_dialog)
        self._told += 1
        theirs = next(
            item
            for item in self.messages
            if not item.sent and (item.status in (183, 200) or item.text.startswith("INVITE "))
        )
        names = ("Via", "From", "To", "Call-ID", "CSeq")
        fields = "".join(f"{name}: {theirs.header(name)}\r\n" for name in names)
        text = f"INFO sip:test-{self._told} SIP/2.0\r\n{fields}Content-Length: 0\r\n\r\n"
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as teller:
            teller.sendto(text.encode(), (self.host, self.port))

    @property
    def call_id(self) -> str:
        """Call-ID of its first call."""
        value = wait_for("a message", lambda: self.messages)[0].header("Call-ID")
        assert value is not None
        return value

    def done(self, within_s: float = 90) -> None:
        """Wait for its end; the scenario went as written."""
        status = self._process.wait(within_s)
        errors = self._errors.read_text() if self._errors.exists() else ""
        trace = "\n\n".join(f"{'>' if item.sent else '<'} {item.text.strip()}" for item in self.messages)
        assert status == 0, f"sipp ended with {status}\n{errors}\n{trace}\n{self._output.read_text()[-1500:]}"

    def close(self) -> None:
        """Leave no process behind."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
