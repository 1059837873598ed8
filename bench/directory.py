"""Starting with many numbers: how long the directory takes to load, and what it takes in memory.

`NUMBERS` numbers (a million), each forwarded to an endpoint of its own at one of 10,000 accounts; on SQLite,
on PostgreSQL where it is installed, and from the last-known-good file. Each in a process of its own: memory
is its PSS with the directory and without, the peak is what it takes meanwhile.
"""

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from bench._calls import memory_mb
from tests.interop.addresses import free_port
from tests.postgres import running_cluster
from trunkline.store import schema
from trunkline.store.database import Database
from trunkline.store.directory_source import DirectorySource
from trunkline.store.keys import Keyring
from trunkline.store.migrate import upgrade
from trunkline.store.rows import account_values, endpoint_values, number_values
from trunkline.trunk.account import Account
from trunkline.trunk.directory import Directory
from trunkline.trunk.forwarding import ForwardingList
from trunkline.trunk.number import Number

NUMBERS = int(os.environ.get("NUMBERS", "1000000"))
ACCOUNTS = 10_000
_AT_ONCE = 10_000


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        Keyring.create(folder / "secret.key")
        _measure("sqlite", f"sqlite:///{folder}/trunkline.db", folder)
        _run("sqlite, from the file", f"sqlite:///{folder}/nowhere/x.db", folder)
        try:
            with running_cluster(free_port()) as cluster:
                _measure("postgresql", cluster.create("bench"), folder)
        except pytest.skip.Exception as reason:
            print(f"  no PostgreSQL: {reason}")


def _measure(what: str, url: str, folder: Path) -> None:
    upgrade(url)
    _fill(url)
    _run(what, url, folder)


def _run(what: str, url: str, folder: Path) -> None:
    command = [sys.executable, "-m", "bench.directory", url, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    print(f"  {what}: {done.stdout.strip().splitlines()[-1].strip()}")


def _fill(url: str) -> None:
    database = Database(url, answer_s=None)
    for start in range(0, ACCOUNTS, _AT_ONCE):
        with database.write() as connection:
            connection.execute(
                schema.account.insert(),
                [
                    {**account_values(Account(f"a{n}")), "created_at": 1.0}
                    for n in range(start, start + _AT_ONCE)
                ],
            )
    for start in range(0, NUMBERS, _AT_ONCE):
        numbers = [_number(n) for n in range(start, min(NUMBERS, start + _AT_ONCE))]
        with database.write() as connection:
            connection.execute(
                schema.number.insert(), [{**number_values(number), "created_at": 1.0} for number in numbers]
            )
            connection.execute(
                schema.endpoint.insert(), [row for number in numbers for row in endpoint_values(number)]
            )
    database.close()


def _number(n: int) -> Number:
    e164, account = f"49{3_000_000_000 + n}", n % ACCOUNTS
    return Number(e164, f"a{account}", ForwardingList.parse(f"{e164}@pbx{account}.example.com"))


def _load(url: str, folder: Path) -> None:
    database = Database(url)
    source = DirectorySource(database, Keyring.load(folder / "secret.key"), folder / "directory.snapshot")
    before_mb = memory_mb([os.getpid()])
    begin, begin_cpu = time.perf_counter(), time.process_time()
    directory = Directory(source.load())
    took_s, cpu_s = time.perf_counter() - begin, time.process_time() - begin_cpu
    assert sum(1 for _ in directory.numbers()) == NUMBERS
    database.close()
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    after_mb = memory_mb([os.getpid()])
    memory = f"{after_mb - before_mb:.0f} MB, {peak_mb:.0f} MB at the peak"
    print(f"{took_s:.1f} s ({cpu_s:.1f} s of CPU) for {NUMBERS} numbers, {memory}")


if __name__ == "__main__":
    _load(sys.argv[1], Path(sys.argv[2]))
