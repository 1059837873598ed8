"""Running twinkle-console, Twinkle at a terminal, on a machine without a sound card.

Its card is ALSA's plugin `file`: what is to be heard goes to a file, what is said comes from a pipe, which
Twinkle reads as fast as it is filled. So a `Microphone` fills it by the clock. Its libccrtp sends each packet
at the time that its timestamp names, and never one that is 40 ms late; so what is said begins ahead of time.
"""

import fcntl
import os
import sys
import termios
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.interop.addresses import free_port
from tests.interop.audio import RATE, tone
from tests.interop.node import DOMAIN, HOST, KEY, SECRET
from tests.interop.softphones.softphone import Softphone

_PROFILE = """\
user_name={key}
user_domain={domain}
auth_name={key}
auth_pass={secret}
outbound_proxy={host}:{port}
all_requests_to_proxy=yes
registrar={host}:{port}
register_at_startup=yes
registration_time=600
codecs={codec}
dtmf_transport=rfc2833
sip_transport=udp
speex_dsp_vad=no
speex_dsp_agc=no
speex_dsp_aec=no
speex_dsp_nrd=no
"""
"""What looks for speech takes a tone for noise, and sends nothing of it."""
_SYSTEM = """\
dev_ringtone=alsa:null
dev_speaker=alsa:ear
dev_mic=alsa:mouth
validate_audio_dev=no
sip_udp_port={port}
rtp_port={rtp_port}
"""
_CARD = """\
pcm.ear {{
  type file
  slave.pcm null
  file "{directory}/heard"
  format raw
}}
pcm.mouth {{
  type file
  slave.pcm null
  file /dev/null
  infile "{directory}/said"
  format raw
}}
"""
_SPEEX: Final = "speex-wb"
_FRAME_S: Final = 0.02
_AHEAD_S: Final = 1.0


class Microphone:
    """Says a tone into the pipe at `path`, which it makes, at so many samples a second."""

    def __init__(self, path: Path, frequency: float, rate: int) -> None:
        os.mkfifo(path)
        self._pipe = os.open(path, os.O_RDWR | os.O_NONBLOCK)
        self._frame = int(rate * _FRAME_S) * 2
        self._said = (tone(frequency, 1, rate) * 32767).astype("<i2").tobytes()
        self._most = int(_AHEAD_S / _FRAME_S) * self._frame
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._live, name=f"microphone {path}")
        self._thread.start()

    def _live(self) -> None:
        """While nobody reads, the pipe is full, and time stands still."""
        due = time.monotonic()
        at = 0
        while not self._closing.wait(max(0.0, due - time.monotonic())):
            due += _FRAME_S
            if self._waiting() < self._most:
                os.write(self._pipe, self._said[at : at + self._frame])
                at = (at + self._frame) % len(self._said)

    def _waiting(self) -> int:
        """Bytes in the pipe."""
        answer = fcntl.ioctl(self._pipe, termios.FIONREAD, bytes(4))
        return int.from_bytes(answer, sys.byteorder)

    def close(self) -> None:
        """Be silent."""
        self._closing.set()
        self._thread.join()
        os.close(self._pipe)


class Twinkle(Softphone):
    """A codec is named as its profile does."""

    program = "twinkle-console"
    digest = "MD5"
    """With SHA-256 beside it, it gives up, against RFC 8760 §2.4."""
    lets_ring = "line"
    holds = "hold"
    resumes = "retrieve"
    keys = "dtmf {keys}"
    hangs_up = "bye"
    rings = "incoming call"
    far_end_rings = "180 Ringing"
    refused = "{status} {reason}"
    ended = "far end (ended|cancelled) call"
    key_came = "DTMF detected: {key}"

    def _settle(self, directory: Path, trunk: int, codec: str | None) -> Sequence[str]:
        settings = directory / ".twinkle"
        settings.mkdir()
        profile = _PROFILE.format(
            key=KEY, secret=SECRET, domain=DOMAIN, host=HOST, port=trunk, codec=codec or "g711u"
        )
        (settings / "trunk.cfg").write_text(profile)
        (settings / "twinkle.sys").write_text(_SYSTEM.format(port=free_port(), rtp_port=free_port()))
        (directory / ".asoundrc").write_text(_CARD.format(directory=directory))
        self._heard = directory / "heard"
        self._rate = 2 * RATE if codec == _SPEEX else RATE
        self._microphone = Microphone(directory / "said", 440, self._rate)
        return ("trunk.cfg",)

    def _register(self) -> None:
        self.says("registration succeeded")

    def dial(self, number: str) -> None:
        self.command(f"call {number}")

    def recorded(self) -> tuple[bytes, int]:
        return (self._heard.read_bytes() if self._heard.exists() else b""), self._rate

    def close(self) -> None:
        super().close()
        self._microphone.close()
