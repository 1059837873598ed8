"""Running a real Asterisk as a customer's PBX: in a chroot of an older or newer Debian, with exactly the
files that `trunkline pbx` writes, and two phones of its own behind it (`own_files.py`).

`tools/machine test` makes the chroots, below build/roots. Asterisk finds the service by name, as a customer's
does: its chroot's resolver is a name server of the test's on port 53 of a loopback address.
"""

import os
import re
import shutil
import subprocess
import wave
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.interop.addresses import pbx_media_ports, wait_for
from tests.interop.asterisk.own_files import MUSIC, MUSIC_HZ, PASSES_HOLDS_ON, Place, own_files
from tests.interop.audio import RATE, tone
from tests.interop.cases import Program
from tests.interop.node import ROOT
from tests.processes import end

ROOTS = ROOT / "build" / "roots"
RESOLVER = "127.0.0.77"
"""Where the chroots look names up."""
_MODULES = (
    "usr/lib/x86_64-linux-gnu/asterisk/modules",
    "usr/lib/aarch64-linux-gnu/asterisk/modules",
    "usr/lib/asterisk/modules",
)


class Pbx(NamedTuple):
    """Which Asterisk, and which of its two SIP drivers."""

    debian: str
    kind: str
    program: Program

    def __str__(self) -> str:
        return f"{self.debian}-{self.kind}"

    @property
    def chan_sip(self) -> bool:
        """The older driver."""
        return self.kind.endswith("-sip")

    @property
    def freepbx(self) -> bool:
        """Configured by FreePBX's pages."""
        return self.kind.startswith("freepbx-")


PBXS = (
    Pbx("bullseye", "asterisk-sip", Program.ASTERISK_16_SIP),
    Pbx("bullseye", "asterisk-pjsip", Program.ASTERISK_16_PJSIP),
    Pbx("sid", "asterisk-pjsip", Program.ASTERISK_22_PJSIP),
)
FREEPBXS = (
    Pbx("bullseye", "freepbx-sip", Program.FREEPBX_SIP),
    Pbx("sid", "freepbx-pjsip", Program.FREEPBX_PJSIP),
)
EACH_FREEPBX = [pytest.param(pbx, marks=pytest.mark.program(pbx.program), id=str(pbx)) for pbx in FREEPBXS]
EACH_PBX = [
    pytest.param(
        pbx,
        marks=[pytest.mark.program(pbx.program), *([pytest.mark.at_length] if pbx.freepbx else [])],
        id=str(pbx),
    )
    for pbx in (*PBXS, *FREEPBXS)
]
"""For fixtures. FreePBX's files differ from Asterisk's in the trunk alone, so not each run has all of it."""


def home_of(port: int) -> Path:
    """The folder of the one that listens at `port`, as seen from inside its chroot."""
    return Path("/run") / f"pbx-{port}"


def require_root(pbx: Pbx) -> Path:
    """The chroot with that Asterisk; without it skip the test by name, or fail it in CI (`CI=true`)."""
    path = ROOTS / pbx.debian
    if (path / "usr/sbin/asterisk").exists() and os.geteuid() == 0:
        return path
    reason = f"no Asterisk of Debian {pbx.debian} in {ROOTS}: tools/machine test makes it, as root"
    if os.environ.get("CI"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


class Asterisk:
    """One Asterisk. `files`: what `trunkline pbx` wrote, by name, and what stands in place of its own."""

    def __init__(
        self,
        pbx: Pbx,
        *,
        files: Mapping[str, str],
        port: int,
        phones: tuple[tuple[str, int], tuple[str, int]],
        forwards_to: str,
    ) -> None:
        self.pbx = pbx
        self.port = port
        self.secure = "pbx.pem" in files
        """Whether the trunk speaks TLS."""
        self.rtp_ports = pbx_media_ports()
        self._root = require_root(pbx)
        self.home = home_of(port)
        inside = self._root / self.home.relative_to("/")
        inside.mkdir(parents=True)
        for name in ("etc", "log", "spool", "run", "lib", MUSIC):
            (inside / name).mkdir()
        with wave.open(str(inside / MUSIC / "tone.wav"), "wb") as file:
            file.setparams((1, 2, RATE, 0, "NONE", ""))
            file.writeframes((tone(MUSIC_HZ, 60) * 32767).astype("<i2").tobytes())
        self.inside = inside
        place = Place(
            home=self.home,
            modules=next(path for path in _MODULES if (self._root / path).is_dir()),
            chan_sip=pbx.chan_sip,
            port=port,
            rtp_ports=self.rtp_ports,
            phones=phones,
            secure=self.secure,
            has_certificate=pbx.freepbx,
            forwards_to=forwards_to,
        )
        for name, text in {**own_files(place), **files}.items():
            (inside / "etc" / name).write_text(text)
        (self._root / "etc/resolv.conf").write_text(f"nameserver {RESOLVER}\n")
        self._output = inside / "output"
        try:
            self.start()
        except BaseException:
            self.close()
            raise

    def start(self) -> None:
        """Begin its life; returns when it has booted."""
        with self._output.open("ab") as output:
            self._process = subprocess.Popen(
                self._asterisk("-f"), stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
        wait_for("Asterisk to boot", self._has_booted, within_s=30, every_s=0.2)

    def kill(self) -> None:
        """End it at once, without a word to anybody."""
        self._process.kill()
        self._process.wait()

    def _asterisk(self, *arguments: str) -> list[str]:
        return [
            "chroot",
            str(self._root),
            "/usr/sbin/asterisk",
            "-C",
            f"{self.home}/etc/asterisk.conf",
            *arguments,
        ]

    def _has_booted(self) -> bool:
        assert self._process.poll() is None, self.output()
        return "booted" in self.command("core waitfullybooted")

    def command(self, text: str) -> str:
        """A command at Asterisk's own command line; what it printed."""
        done = subprocess.run(
            self._asterisk("-rx", text), capture_output=True, text=True, timeout=20, check=False
        )
        return done.stdout

    @contextmanager
    def passing_holds_on(self) -> Iterator[None]:
        """With chan_pjsip: as a customer makes it who wants a phone's hold to reach the trunk."""
        before = (self.inside / "etc/pjsip.conf").read_text()
        self._reload(before + PASSES_HOLDS_ON, "true")
        try:
            yield
        finally:
            self._reload(before, "false")

    def _reload(self, pjsip: str, passes_on: str) -> None:
        (self.inside / "etc/pjsip.conf").write_text(pjsip)
        self.command("module reload res_pjsip.so")
        wait_for("the reload", lambda: self._moh_passthrough(passes_on), every_s=0.2)

    def _moh_passthrough(self, wanted: str) -> bool:
        shown = self.command("pjsip show endpoint trunkline")
        return re.search(rf"moh_passthrough +: {wanted}", shown) is not None

    def channels(self) -> int:
        """How many legs of calls it has."""
        return len(self.command("core show channels concise").splitlines())

    def registered(self) -> None:
        """Wait for its registration, which it begins at a random moment of its first ten seconds."""
        self._waits_to_say(
            " Registered", "sip show registry" if self.pbx.chan_sip else "pjsip show registrations"
        )

    def qualified(self) -> None:
        """Wait until it says that its OPTIONS to the service was answered."""
        if self.pbx.chan_sip:
            self._waits_to_say("OK (", "sip show peer trunkline")
        else:
            self.command("pjsip qualify trunkline")  # by itself it waits up to a minute
            self._waits_to_say("Avail", "pjsip show contacts")

    def _waits_to_say(self, text: str, command: str) -> None:
        wait_for(f"{text!r} in {command!r}", lambda: text in self.command(command), within_s=60, every_s=0.3)

    def output(self) -> str:
        """What it logged."""
        return self._output.read_text(errors="replace")

    def close(self) -> None:
        """End it, and remove what it wrote."""
        end(self._process)
        shutil.rmtree(self.inside, ignore_errors=True)
