"""Running a real Asterisk as a customer's PBX: in a chroot of an older or newer Debian, with exactly the
files that `trunkline pbx` writes, and one phone of its own behind it.

`tools/machine test` makes the chroots, below build/roots. Asterisk finds the service by name, as a customer's
does: its chroot's resolver is a name server of the test's on port 53 of a loopback address.
"""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.interop.addresses import free_port, wait_for
from tests.interop.node import ROOT

ROOTS = ROOT / "build" / "roots"
RESOLVER = "127.0.0.77"
"""Where the chroots look names up."""
PHONE = "100"
"""The extension of the phone behind the PBX; `from-trunkline` rings it."""
_MODULES = (
    "usr/lib/x86_64-linux-gnu/asterisk/modules",
    "usr/lib/aarch64-linux-gnu/asterisk/modules",
    "usr/lib/asterisk/modules",
)
_UNWANTED = (
    "chan_iax2.so",
    "chan_mgcp.so",
    "chan_skinny.so",
    "chan_unistim.so",
    "pbx_dundi.so",
    "pbx_lua.so",
    "pbx_ael.so",
    "res_phoneprov.so",
    "res_resolver_unbound.so",
    "res_snmp.so",
)
_DRIVERS = {
    "asterisk-pjsip": ("chan_sip.so",),
    "asterisk-sip": ("chan_pjsip.so", "res_pjsip.so"),
}
"""Kind of configuration -> what would be in its way."""


class Pbx(NamedTuple):
    """Which Asterisk, and which of its two SIP drivers."""

    debian: str
    kind: str

    def __str__(self) -> str:
        return f"{self.debian}-{self.kind}"


PBXS = (
    Pbx("bullseye", "asterisk-sip"),
    Pbx("bullseye", "asterisk-pjsip"),
    Pbx("sid", "asterisk-pjsip"),
)


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
    """One Asterisk. `files`: what `trunkline pbx` wrote, by name. `phone`: where its phone listens."""

    def __init__(self, pbx: Pbx, *, files: Mapping[str, str], port: int, phone: tuple[str, int]) -> None:
        self.pbx = pbx
        self.port = port
        self._root = require_root(pbx)
        self._home = Path("/run") / f"pbx-{port}"
        inside = self._root / self._home.relative_to("/")
        inside.mkdir(parents=True)
        for name in ("etc", "log", "spool", "run", "lib"):
            (inside / name).mkdir()
        self.inside = inside
        for name, text in {**self._own_files(phone), **files}.items():
            (inside / "etc" / name).write_text(text)
        (self._root / "etc/resolv.conf").write_text(f"nameserver {RESOLVER}\n")
        self._output = inside / "output"
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(
                self._asterisk("-f"), stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
        wait_for("Asterisk to boot", self._has_booted, within_s=30, every_s=0.2)

    def _asterisk(self, *arguments: str) -> list[str]:
        return [
            "chroot",
            str(self._root),
            "/usr/sbin/asterisk",
            "-C",
            f"{self._home}/etc/asterisk.conf",
            *arguments,
        ]

    def _has_booted(self) -> bool:
        assert self._process.poll() is None, self.output()
        return "booted" in self.command("core waitfullybooted")

    def _own_files(self, phone: tuple[str, int]) -> dict[str, str]:
        modules = next(path for path in _MODULES if (self._root / path).is_dir())
        unwanted = "".join(f"noload => {name}\n" for name in (*_UNWANTED, *_DRIVERS[self.pbx.kind]))
        rtp_port = free_port()
        host, port = phone
        return {
            "asterisk.conf": f"""\
[directories]
astetcdir => {self._home}/etc
astmoddir => /{modules}
astvarlibdir => /var/lib/asterisk
astdbdir => {self._home}/lib
astkeydir => {self._home}/lib
astdatadir => /usr/share/asterisk
astagidir => /usr/share/asterisk/agi-bin
astspooldir => {self._home}/spool
astrundir => {self._home}/run
astlogdir => {self._home}/log
[options]
verbose = 3
systemname = pbx-{self.port}
""",
            "logger.conf": "[general]\n[logfiles]\nconsole => notice,warning,error,verbose\n",
            "modules.conf": f"[modules]\nautoload=yes\n{unwanted}",
            "rtp.conf": f"[general]\nrtpstart={rtp_port}\nrtpend={rtp_port + 40}\n",
            "ccss.conf": "[general]\n",
            "acl.conf": "",
            "pjsip.conf": f"""\
[{PHONE}]
type=endpoint
context=phones
disallow=all
allow=ulaw,alaw
aors={PHONE}
direct_media=no
[{PHONE}]
type=aor
contact=sip:{PHONE}@{host}:{port}
[{PHONE}-identify]
type=identify
endpoint={PHONE}
match={host}
#include pjsip_trunkline.conf
""",
            "sip.conf": f"""\
[general]
udpbindaddr=0.0.0.0:{self.port}
allowguest=no
#include sip_trunkline_register.conf
[{PHONE}]
type=friend
host={host}
port={port}
context=phones
insecure=port,invite
directmedia=no
disallow=all
allow=ulaw,alaw
#include sip_trunkline.conf
""",
            "extensions.conf": """\
[general]
[phones]
include => to-trunkline
#include extensions_trunkline.conf
""",
        }

    def command(self, text: str) -> str:
        """A command at Asterisk's own command line; what it printed."""
        done = subprocess.run(
            self._asterisk("-rx", text), capture_output=True, text=True, timeout=20, check=False
        )
        return done.stdout

    def registered(self) -> None:
        """Wait for its registration, which it begins at a random moment of its first ten seconds."""
        chan_sip = self.pbx.kind == "asterisk-sip"
        self._waits_to_say(" Registered", "sip show registry" if chan_sip else "pjsip show registrations")

    def qualified(self) -> None:
        """Wait until it says that its OPTIONS to the service was answered."""
        if self.pbx.kind == "asterisk-sip":
            self._waits_to_say("OK (", "sip show peer trunkline")
        else:
            self.command("pjsip qualify trunkline")  # by itself it waits up to a minute
            self._waits_to_say("Avail", "pjsip show contacts")

    def _waits_to_say(self, text: str, command: str) -> None:
        wait_for(f"{text!r} in {command!r}", lambda: text in self.command(command), within_s=25, every_s=0.3)

    def output(self) -> str:
        """What it logged."""
        return self._output.read_text(errors="replace")

    def close(self) -> None:
        """End it, and remove what it wrote."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        shutil.rmtree(self.inside, ignore_errors=True)
