"""Running linphonec, Linphone at a terminal: it plays a tone from a file, and records what it hears."""

import re
import wave
from collections.abc import Sequence
from pathlib import Path

from tests.interop.addresses import free_port, wait_for
from tests.interop.audio import RATE, tone
from tests.interop.node import DOMAIN, HOST, KEY, SECRET
from tests.interop.softphones.softphone import Softphone

_CONFIG = """\
[sip]
sip_port={port}
sip_tcp_port=0
sip_tls_port={tls_port}
default_proxy=0
use_ipv6=0
verify_server_certs=0
verify_server_cn=0
media_encryption={encryption}
[rtp]
audio_rtp_port={rtp_port}
[net]
mtu=1300
[proxy_0]
reg_proxy=sip:{host}:{trunk};transport={transport}
reg_route=sip:{host}:{trunk};transport={transport};lr
reg_identity=sip:{key}@{domain}
reg_expires=600
reg_sendregister=1
publish=0
[auth_info_0]
username={key}
passwd={secret}
realm={domain}
domain={domain}
"""
_WAV_HEAD = 44
_NARROW = ("PCMA (8000)", "PCMU (8000)", "G729 (8000)")
"""Codecs of 8000 samples a second."""


class Linphone(Softphone):
    """`secure`: with TLS, and SRTP only. A codec is named as linphonec's `codec list` does."""

    program = "linphonec"
    digest = "SHA-256"
    lets_ring = "autoanswer disable"
    holds = "pause"
    resumes = "resume"
    keys = "{keys}"
    hangs_up = "terminate"
    rings = "Receiving new incoming call"
    far_end_rings = "Call .* ringing"
    refused = "User is busy|Call declined|Call .* (error|ended)"
    ended = "Call .* ended"
    key_came = "Receiving tone {key}"

    def __init__(
        self, directory: Path, *, trunk: int, codec: str | None = None, secure: bool = False
    ) -> None:
        self._directory = directory
        self._secure = secure
        self._only = codec
        self._rate = RATE if codec in (None, *_NARROW) else 2 * RATE
        super().__init__(directory, trunk=trunk, codec=codec)

    def _settle(self, directory: Path, trunk: int, codec: str | None) -> Sequence[str]:
        (directory / ".local/share/linphone").mkdir(parents=True)
        with wave.open(str(directory / "tone.wav"), "wb") as file:
            file.setparams((1, 2, RATE, 0, "NONE", ""))
            file.writeframes((tone(440, 60) * 32767).astype("<i2").tobytes())
        secure = self._secure
        config = _CONFIG.format(
            port=0 if secure else free_port(),
            tls_port=-1 if secure else 0,
            rtp_port=free_port(),
            encryption="srtp" if secure else "none",
            host=HOST,
            trunk=trunk,
            transport="tls" if secure else "udp",
            key=KEY,
            secret=SECRET,
            domain=DOMAIN,
        )
        (directory / "linphonerc").write_text(config)
        return "-c", str(directory / "linphonerc")

    def _register(self) -> None:
        self.says("linphonec>")
        wait_for("linphonec to register", self._has_registered, within_s=15, every_s=0.2)
        self.command("soundcard use files")
        self.command(f"play {self._directory}/tone.wav")
        self.command(f"record {self._directory}/heard.wav")
        if self._only is not None:
            self._speak_only(self._only)

    def _has_registered(self) -> bool:
        self.command("status register")
        word = wait_for("its word", lambda: re.search(r"registered(=-?\d|, identity)", self.output()))
        return not word[1].startswith("=")

    def _speak_only(self, codec: str) -> None:
        self.command("codec list")
        self.says(r"(?m)^ *18: .*\n")
        for index, name in re.findall(r"(?m)^ *(\d+): (\S+ \(\d+\)) ", self.output()):
            state = "enable" if name == codec else "disable"
            self.command(f"codec {state} {index}")
            self.says(rf"(?m)^ *{index}: .* {state}d")

    def dial(self, number: str) -> None:
        self.command(f"call sip:{number}@{DOMAIN}")

    def recorded(self) -> tuple[bytes, int]:
        file = self._directory / "heard.wav"
        return (file.read_bytes()[_WAV_HEAD:] if file.exists() else b""), self._rate

    def call_number(self) -> str:
        """What it calls the call that was dialled last."""
        self.says(r"id to .*, assigned id \d+")
        return str(re.findall(r"assigned id (\d+)", self.output())[-1])
