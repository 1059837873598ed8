"""Running Kamailio; and as a carrier's proxy, with `carrier.cfg`."""

import subprocess
from pathlib import Path

from tests.interop.addresses import free_port, listens, wait_for
from tests.processes import end
from tests.programs import require_program

_CONFIG = Path(__file__).with_name("carrier.cfg")
_MODULES = ("/usr/lib/x86_64-linux-gnu/kamailio/modules", "/usr/lib/aarch64-linux-gnu/kamailio/modules")
_TLS_MODULE = """loadmodule "tls.so"
modparam("tls", "private_key", "{key}")
modparam("tls", "certificate", "{certificate}")
modparam("tls", "tls_method", "TLSv1.2+")
modparam("tls", "verify_certificate", 0)
modparam("tls", "require_certificate", 0)
enable_tls=yes"""


def run(config: Path, output: Path, resolver: str | None = None) -> subprocess.Popen[bytes]:
    """Kamailio with this configuration. `resolver` is the name server that it asks, by a mount namespace."""
    command = [
        require_program("kamailio"),
        *("-f", str(config), "-DD", "-E", "-m", "32", "-M", "4"),
        *("-w", str(config.parent), "-Y", str(config.parent)),
    ]
    if resolver is not None:
        file = config.with_suffix(".resolv")
        file.write_text(f"nameserver {resolver}\n")
        mount = f'mount --bind {file} /etc/resolv.conf && exec "$@"'
        command = [require_program("unshare"), "--mount", "sh", "-c", mount, "sh", *command]
    with output.open("wb") as stream:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream)


class Kamailio:
    """A proxy on `host` between the trunk and a phone; with `certificate` and `key` over TLS as well."""

    def __init__(
        self,
        directory: Path,
        *,
        host: str,
        trunk: tuple[str, int],
        phone: tuple[str, int],
        certificate: Path | None = None,
        key: Path | None = None,
    ) -> None:
        self.host = host
        self.port = free_port(host)
        self.tls_port = free_port(host)
        values = {
            "HOST": host,
            "PORT": self.port,
            "TRUNK_HOST": trunk[0],
            "TRUNK_PORT": trunk[1],
            "PHONE_HOST": phone[0],
            "PHONE_PORT": phone[1],
            "MODULES": next((path for path in _MODULES if Path(path).is_dir()), _MODULES[0]),
            "MORE_LISTEN": f"listen=tls:{host}:{self.tls_port}" if certificate else "",
            "MORE_MODULES": _TLS_MODULE.format(certificate=certificate, key=key) if certificate else "",
        }
        text = _CONFIG.read_text()
        for name, value in values.items():
            text = text.replace(f"@{name}@", str(value))
        if certificate:
            text = text.replace("enable_tls=yes", "").replace("fork=yes", "fork=yes\nenable_tls=yes")
        config = directory / f"kamailio-{self.port}.cfg"
        config.write_text(text)
        self._output = directory / f"kamailio-{self.port}.output"
        self._process = run(config, self._output)
        try:
            wait_for("kamailio to listen", self._listens)
        except BaseException:
            self.close()
            raise

    def _listens(self) -> bool:
        assert self._process.poll() is None, self.output()
        return listens(self.host, self.port, "tcp")

    def output(self) -> str:
        """What it logged."""
        return self._output.read_text(errors="replace")

    def close(self) -> None:
        """End it and its children."""
        end(self._process)
