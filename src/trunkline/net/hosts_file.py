"""Names that the machine itself knows: /etc/hosts (hosts(5)) and `localhost` (RFC 6761 §6.3).

Such a name is not asked about in DNS. The file is read again when it has changed, looked at no more often
than every few seconds.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from trunkline.net.flows import packed

CHECK_EVERY_S: Final = 5.0
MAX_BYTES: Final = 4_194_304
"""A longer file is cut there."""

_LOCALHOST: Final = ("127.0.0.1", "::1")


def read_hosts(text: str) -> dict[str, tuple[str, ...]]:
    """The addresses of every name in a hosts file, in its order. A line that makes no sense is passed
    over.
    """
    addresses: dict[str, tuple[str, ...]] = {}
    for line in text.splitlines():
        address, *names = line.partition("#")[0].split() or [""]
        if packed(address) is None:
            continue
        for name in names:
            key = name.lower().rstrip(".")
            addresses[key] = (*addresses.get(key, ()), address)
    return addresses


class HostsFile:
    """Names and addresses of one file, as of its last change."""

    def __init__(self, path: Path, now: Callable[[], float]) -> None:
        """`now` is monotonic seconds."""
        self._path: Final = path
        self._now: Final = now
        self._check_at = now()
        self._seen: tuple[int, int] | None = None
        self._addresses: dict[str, tuple[str, ...]] = {}

    def lookup(self, name: str) -> tuple[str, ...] | None:
        """The addresses of `name` (lower case, no last dot), both families; None when DNS has to say."""
        now = self._now()
        if now >= self._check_at:
            self._check_at = now + CHECK_EVERY_S
            self._read_if_changed()
        found = self._addresses.get(name)
        if found is None and (name == "localhost" or name.endswith(".localhost")):
            return _LOCALHOST
        return found

    def _read_if_changed(self) -> None:
        try:
            status = self._path.stat()
            seen = (status.st_mtime_ns, status.st_size)
            if seen != self._seen:
                with self._path.open(encoding="utf-8", errors="replace") as file:
                    self._addresses = read_hosts(file.read(MAX_BYTES))
                self._seen = seen
        except OSError:
            self._addresses = {}
            self._seen = None
