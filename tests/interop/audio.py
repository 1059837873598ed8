"""A telephone's ear and mouth: an RTP endpoint (RFC 3550) that says one tone and remembers what it hears.

Speaks G.711 (RFC 3551 §4.5.14), by formulas of its own: nothing of what is tested is used to test it.
"""

import random
import select
import socket
import struct
import threading
import time
from typing import Final

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float64]

RATE: Final = 8000
PCMU, PCMA, EVENT = 0, 8, 101
_FRAME: Final = 160


def tone(frequency: float, seconds: float, rate: int = RATE) -> Samples:
    """A sine of half scale, -1 to 1."""
    samples: Samples = 0.5 * np.sin(2 * np.pi * frequency / rate * np.arange(int(rate * seconds)))
    return samples


def share(samples: Samples, frequency: float, rate: int = RATE) -> float:
    """How much of the power of `samples` is within 40 Hz of `frequency`, 0 to 1."""
    total = float(np.sum(samples**2))
    if len(samples) < rate // 5 or total < 1e-3 * len(samples):
        return 0.0
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) ** 2
    bins = np.fft.rfftfreq(len(samples), 1 / rate)
    return float(spectrum[np.abs(bins - frequency) < 40].sum() / spectrum.sum())


def _mu_law(code: int) -> float:
    """ITU-T G.711 table 2a: the value of a µ-law code."""
    code = ~code & 0xFF
    value = (((code & 0x0F) << 3) + 0x84 << ((code & 0x70) >> 4)) - 0x84
    return (-value if code & 0x80 else value) / 32768


def _a_law(code: int) -> float:
    """ITU-T G.711 table 1a: the value of an A-law code."""
    code ^= 0x55
    segment = (code & 0x70) >> 4
    value = ((code & 0x0F) << 4) + 8
    if segment:
        value = value + 0x100 << segment - 1
    return (value if code & 0x80 else -value) / 32768


_VALUES: Final = {
    PCMU: np.array([_mu_law(code) for code in range(256)]),
    PCMA: np.array([_a_law(code) for code in range(256)]),
}


def _encode(samples: Samples, payload_type: int) -> bytes:
    """The nearest code for each sample."""
    values = _VALUES[payload_type]
    order = np.argsort(values)
    ranked = values[order]
    place = np.clip(np.searchsorted(ranked, samples), 1, 255)
    place -= samples - ranked[place - 1] < ranked[place] - samples
    return bytes(order[place].astype(np.uint8))


class Voice:
    """Bound to `host` and a port of its own; `talk_to` makes it speak, `close` ends it."""

    def __init__(self, frequency: float, host: str = "127.0.0.1", payload_type: int = PCMU) -> None:
        self.frequency = frequency
        self.host = host
        self.payload_type = payload_type
        self._socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((host, 0))
        self.port: int = self._socket.getsockname()[1]
        self.heard: list[tuple[float, int, bytes]] = []
        """When (monotonic), payload type, payload."""
        self.line: list[tuple[int, int, int]] = []
        """Sequence number, timestamp and SSRC of each of them."""
        self._target: tuple[str, int] | None = None
        self._pressed: list[bytes] = []
        """Payloads of telephone events to be sent, one with each packet's time, in place of the tone."""
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._live, name=f"voice {frequency:g} Hz")
        self._thread.start()

    def talk_to(self, host: str, port: int) -> None:
        """Send 50 packets a second there from now on."""
        self._target = (host, port)

    def send_raw(self, data: bytes, to: tuple[str, int]) -> None:
        """Send bytes from the port of its audio."""
        self._socket.sendto(data, to)

    def hush(self) -> None:
        """Send nothing."""
        self._target = None

    def press(self, keys: str) -> None:
        """Send keys as telephone events (RFC 4733 §2.5), each 100 ms long with 60 ms of tone behind it."""
        payloads = []
        for key in keys:
            code = "0123456789*#ABCD".index(key)
            payloads += [struct.pack("!BBH", code, 10, _FRAME * (step + 1)) for step in range(4)]
            payloads += [struct.pack("!BBH", code, 0x80 | 10, _FRAME * 5)] * 3
            payloads += [b""] * 3
        self._pressed = payloads

    def close(self) -> None:
        """End the thread and free the port."""
        self._closing.set()
        self._thread.join()
        self._socket.close()

    def _live(self) -> None:
        payloads = _encode(tone(self.frequency, 1), self.payload_type)
        ssrc, sequence = random.getrandbits(32), random.getrandbits(15)
        begin = time.monotonic()
        sent = pressed_at = 0
        while not self._closing.is_set():
            due = begin + sent * 0.02
            readable, _, _ = select.select([self._socket], [], [], max(0.0, due - time.monotonic()))
            if readable:
                self._hear()
                continue
            if self._target is not None:
                start = sent * _FRAME % len(payloads)
                kind, at, payload = self.payload_type, sent * _FRAME, payloads[start : start + _FRAME]
                key = self._pressed.pop(0) if self._pressed else b""
                if key:
                    begins = struct.unpack("!BBH", key)[2] == _FRAME
                    pressed_at = at if begins else pressed_at
                    kind, at, payload = EVENT | (0x80 if begins else 0), pressed_at, key
                header = struct.pack("!BBHII", 0x80, kind, (sequence + sent) & 0xFFFF, at, ssrc)
                self._socket.sendto(header + payload, self._target)
            sent += 1

    def _hear(self) -> None:
        try:
            packet = self._socket.recv(2048)
        except OSError:
            return  # an ICMP error of an earlier packet
        if len(packet) > 12 and packet[0] >> 6 == 2 and not 72 <= packet[1] & 0x7F <= 76:
            start = 12 + 4 * (packet[0] & 0x0F)
            self.line.append(struct.unpack("!HII", packet[2:12]))
            self.heard.append((time.monotonic(), packet[1] & 0x7F, packet[start:]))

    # -- what came ---------------------------------------------------------------------------------

    def samples(self, last_s: float = 0.5) -> Samples:
        """The audio of the last so many seconds that came."""
        packets = [packet for packet in list(self.heard) if packet[1] in _VALUES][-int(last_s * 50) :]
        if not packets:
            return np.zeros(0)
        return np.concatenate([_VALUES[kind][list(payload)] for _, kind, payload in packets])

    def hears(self, frequency: float) -> bool:
        """Whether half a second of what came last is a clean tone of `frequency`."""
        samples = self.samples()
        return len(samples) >= RATE * 0.45 and share(samples, frequency) > 0.9

    def hears_nothing(self) -> bool:
        """Whether no packet, or no sound, has come for a while."""
        last = self.heard[-1:]
        return not last or time.monotonic() - last[0][0] > 0.4 or not np.any(np.abs(self.samples(0.3)) > 0.01)

    def keys(self) -> list[int]:
        """The telephone events that came, once each (RFC 4733 §2.5.1.4: the end is sent three times)."""
        keys: list[int] = []
        ended = True
        for _, kind, payload in list(self.heard):
            if kind == EVENT and len(payload) == 4:
                if ended and not payload[1] & 0x80:
                    keys.append(payload[0])
                ended = bool(payload[1] & 0x80)
        return keys
