"""A PostgreSQL server of the tests' own: a cluster in a temporary folder (in memory, if it can be), reached
over a Unix socket and a port of loopback, without fsync. The server refuses to be root: then it runs as
Debian's user postgres.
"""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from tests.programs import SYSTEM_PATH

_START_S = 60.0
_USER = "postgres"


def require_postgres() -> Path:
    """The folder of the server's programs, which Debian keeps off the PATH; else skip, or fail in CI."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    elsewhere = shutil.which("initdb", path=SYSTEM_PATH)
    if found:
        return found[-1].parent
    if elsewhere is not None:
        return Path(elsewhere).parent
    reason = "PostgreSQL is not installed: tools/machine test installs it"
    if os.environ.get("CI"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


class Cluster:
    """One server, at `host` also for everybody in 10.0.0.0/8. `start` before use."""

    def __init__(self, programs: Path, home: Path, port: int, *, host: str = "127.0.0.1") -> None:
        self.port = port
        self.host = host
        self.home = home
        self._programs = programs
        self._process: subprocess.Popen[bytes] | None = None
        if os.geteuid() == 0:
            home.chmod(0o755)
            shutil.chown(home, _USER)
        # A linguistic collation, to show what would depend on one.
        collation = ("--encoding=UTF8", "--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US")
        initdb = ("initdb", "-D", str(home / "data"), "-U", "trunkline", "--auth=trust", "--no-sync")
        done = subprocess.run(
            self._command(*initdb, *collation), cwd=home, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        with (home / "data/pg_hba.conf").open("a") as rules:
            rules.write("host all all 10.0.0.0/8 trust\n")

    def url(self, name: str, *, tcp: bool = False, patient: bool = True) -> str:
        """Of the database `name`, as `database.url` wants it. Who is `patient` waits for a busy machine."""
        where = f"{self.host}:{self.port}/{name}?" if tcp else f"/{name}?host={self.home}&port={self.port}&"
        return f"postgresql+psycopg://trunkline@{where}connect_timeout={60 if patient else 5}"

    def start(self) -> None:
        """Returns when it takes connections."""
        settings = {
            "listen_addresses": self.host,
            "port": str(self.port),
            "unix_socket_directories": str(self.home),
            "fsync": "off",
            "full_page_writes": "off",
            "max_connections": "100",
            "shared_buffers": "32MB",
            "logging_collector": "off",
            # In its folder: of a server that is killed nothing is left.
            "dynamic_shared_memory_type": "mmap",
        }
        arguments = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with (self.home / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command("postgres", "-D", str(self.home / "data"), *arguments),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + _START_S
        while True:
            try:
                self.execute("SELECT 1")
                return
            except psycopg.OperationalError:
                assert self._process.poll() is None, (self.home / "log").read_text()
                assert time.monotonic() < deadline, "PostgreSQL does not start"
                time.sleep(0.05)

    def execute(self, statement: str, database: str = "postgres") -> list[tuple[object, ...]]:
        """Run one statement outside a transaction; its rows."""
        where = f"host={self.home} port={self.port} user=trunkline dbname={database} connect_timeout=10"
        with psycopg.connect(where, autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description is not None else []

    def create(self, name: str, template: str = "template1") -> str:
        """A new database; its URL."""
        self.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY FILE_COPY')
        return self.url(name)

    def drop(self, name: str) -> None:
        """Remove a database and whoever is connected to it."""
        self.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def freeze(self) -> None:
        """Stop every process: connections are taken by the kernel, and nothing is ever said over them."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let them go on."""
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """End every process as a power cut does."""
        if self._process is not None:
            self._signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        """End the server, at once but in order: it leaves no shared memory behind."""
        if self._process is not None:
            self.thaw()
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait()
            self._process = None

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        # Its children lead sessions of their own.
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        pids = [self._process.pid, *map(int, children.read_text().split())]
        for pid in pids:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                continue

    def _command(self, program: str, *arguments: str) -> list[str]:
        """With the right to write to /dev/null, on some machines root's alone; not to outlive the tests."""
        rights = ("--inh-caps", "+dac_override", "--ambient-caps", "+dac_override", "--pdeathsig", "KILL")
        prefix = ("setpriv", "--reuid", _USER, "--regid", _USER, "--clear-groups", *rights)
        return [*(prefix if os.geteuid() == 0 else ()), str(self._programs / program), *arguments]


@contextmanager
def running_cluster(port: int) -> Iterator[Cluster]:
    """A cluster that is up, and gone at the end."""
    programs = require_postgres()
    memory = Path("/dev/shm")
    home = Path(tempfile.mkdtemp(prefix="trunkline-pg-", dir=memory if os.access(memory, os.W_OK) else None))
    try:
        cluster = Cluster(programs, home, port)
        try:
            cluster.start()
            yield cluster
        finally:
            cluster.stop()
    finally:
        shutil.rmtree(home, ignore_errors=True)
