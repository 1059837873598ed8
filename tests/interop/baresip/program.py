"""Running baresip: a softphone that says one tone and writes what it hears to a file.

It is told what to do over its control port (module ctrl_tcp: JSON in netstrings), and says there what
happens.
"""

import json
import re
import socket
import subprocess
import time
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tests.interop.addresses import free_port, listens, wait_for
from tests.interop.audio import RATE, Samples, share, tone
from tests.processes import end
from tests.programs import require_program

_CONFIG = """\
poll_method epoll
sip_listen {listen}
net_interface {host}
{certificate}
call_local_timeout 120
call_max_calls 4
audio_source aufile,{directory}/tone.wav
audio_channels 1-1
rtp_ports {rtp_port}-{rtp_last}
rtp_timeout 0
snd_path {directory}
ctrl_tcp_listen 127.0.0.1:{control}
module_path {modules}
module g711.so
module g722.so
module aufile.so
module sndfile.so
module srtp.so
module_app account.so
module_app menu.so
module_app ctrl_tcp.so
"""
_MODULES = ("/usr/lib/baresip/modules", "/usr/local/lib/baresip/modules")
_WAV_HEAD = 44


class Baresip:
    """One softphone at `host`. `account` is a line of baresip's accounts file."""

    def __init__(
        self,
        directory: Path,
        *,
        host: str,
        frequency: float,
        certificate: Path | None = None,
        rate: int = RATE,
    ) -> None:
        directory.mkdir()
        self.rate = rate
        """Samples a second of its codecs."""
        self.host = host
        self.port = free_port(host)
        self.tls_port = self.port + 1
        self._directory = directory
        self._control_port = free_port()
        self._events: list[dict[str, Any]] = []
        self._buffer = b""
        self._write_tone(frequency)
        rtp_port = free_port(host)
        config = _CONFIG.format(
            host=host,
            listen=f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}",
            certificate=f"sip_certificate {certificate}" if certificate else "",
            directory=directory,
            rtp_port=rtp_port,
            rtp_last=rtp_port + 20,
            control=self._control_port,
            modules=next((path for path in _MODULES if Path(path).is_dir()), _MODULES[0]),
        )
        (directory / "config").write_text(config)
        (directory / "contacts").write_text("")
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    def _write_tone(self, frequency: float) -> None:
        with wave.open(str(self._directory / "tone.wav"), "wb") as file:
            file.setparams((1, 2, self.rate, 0, "NONE", ""))
            file.writeframes((tone(frequency, 60, self.rate) * 32767).astype("<i2").tobytes())

    def start(self, account: str) -> None:
        """Start it with a line of an accounts file; returns when it takes commands."""
        (self._directory / "accounts").write_text(account + "\n")
        with (self._directory / "output").open("wb") as output:
            self._process = subprocess.Popen(
                [require_program("baresip"), "-f", str(self._directory), "-s", "-v"],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        wait_for(
            "baresip's control port",
            lambda: self._stopped() or listens("127.0.0.1", self._control_port, "tcp"),
        )
        assert not self._stopped(), self.output()
        self._control = socket.create_connection(("127.0.0.1", self._control_port))
        self._control.settimeout(0.2)

    def _stopped(self) -> bool:
        return self._process is not None and self._process.poll() is not None

    # -- commands and events -----------------------------------------------------------------------

    def command(self, name: str, parameter: str = "") -> None:
        """One of baresip's commands, such as `dial sip:…`; returns when it has been done."""
        token = f"{name}-{len(self._events)}"
        text = json.dumps({"command": name, "params": parameter, "token": token})
        assert self._control is not None
        self._control.sendall(f"{len(text)}:{text},".encode())
        answer = self._wait(lambda item: item.get("token") == token, f"the answer to {name}")
        assert answer["ok"], f"{name} {parameter}: {answer}\n{self.output()}"

    def event(self, kind: str, number: int = 1, within_s: float = 30) -> dict[str, Any]:
        """Wait until an event such as `CALL_ESTABLISHED` has come `number` times; that one."""

        def suits(item: dict[str, Any]) -> bool:
            return [one for one in self._events if one.get("type") == kind][number - 1 : number] == [item]

        return self._wait(suits, f"{kind} {number}", within_s)

    def _wait(
        self, suits: Callable[[dict[str, Any]], bool], what: str, within_s: float = 30
    ) -> dict[str, Any]:
        seen = 0
        deadline = time.monotonic() + within_s
        while True:
            for item in self._events[seen:]:
                if suits(item):
                    return item
            seen = len(self._events)
            assert time.monotonic() < deadline, f"waited for {what} of baresip:\n{self.output()}"
            self._read()

    def _read(self) -> None:
        assert self._control is not None
        try:
            self._buffer += self._control.recv(65536)
        except TimeoutError:
            return
        while b":" in self._buffer:
            length, _, rest = self._buffer.partition(b":")
            size = int(length)
            if len(rest) <= size:
                return
            self._events.append(json.loads(rest[:size]))
            self._buffer = rest[size + 1 :]

    def registered(self) -> None:
        """Wait for the registrar's 200. (The event may come before anybody listens.)"""
        wait_for("baresip to register", lambda: re.search(r"200 OK .*\[\d+ bindings?\]", self.output()))

    def output(self) -> str:
        """What it printed, its SIP trace included."""
        return (self._directory / "output").read_text(errors="replace")

    # -- audio -------------------------------------------------------------------------------------

    def samples(self, last_s: float = 0.5) -> Samples:
        """What it heard last in its latest call."""
        files = sorted(self._directory.glob("dump-*-dec.wav"), key=lambda file: file.stat().st_mtime)
        if not files:
            return np.zeros(0)
        data = files[-1].read_bytes()[_WAV_HEAD:]
        values = np.frombuffer(data[: len(data) // 2 * 2], "<i2")[-int(last_s * self.rate) :]
        return values.astype(np.float64) / 32768

    def receives(self) -> int:
        """Bits a second that it gets at the moment, by its own count. (Its dump ends at the first hold.)"""
        rates = re.findall(r"audio=\d+/(\d+) \(bit/s\)", self.output())
        return int(rates[-1]) if rates else 0

    def hears(self, frequency: float) -> bool:
        """Whether half a second of what came last is a clean tone of `frequency`."""
        samples = self.samples()
        return len(samples) >= self.rate * 0.45 and share(samples, frequency, self.rate) > 0.9

    def close(self) -> None:
        """End it."""
        if self._control is not None:
            self._control.close()
        if self._process is not None:
            end(self._process, 3)
