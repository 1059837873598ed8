"""What the dashboard costs: its pages over many records, and what a running export does to SIP.

A node with its web process, CALLS records over 30 days (a million) with an attempt each, NUMBERS numbers
(100,000). Each page is asked for `ROUNDS` times over HTTP, one after the other, signed in as the operator.
Then OPTIONS go to the node at `RATE` a second, first with nothing else to do, then while an export of every
record runs, then alone again.
"""

import os
import random
import socket
import sqlite3
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import httpx

from bench._calls import cpu_s
from bench._systems import DOMAIN, running
from trunkline.config import Settings
from trunkline.store.record_rows import ATTEMPT_COLUMNS, CALL_COLUMNS
from trunkline.store.store import Store
from trunkline.store.users import Role, User
from trunkline.trunk.account import Account

CALLS = int(os.environ.get("CALLS", "1000000"))
NUMBERS = int(os.environ.get("NUMBERS", "100000"))
ROUNDS = int(os.environ.get("ROUNDS", "7"))
RATE = int(os.environ.get("RATE", "100"))
SECONDS = float(os.environ.get("SECONDS", "10"))
NODE, PORT = "127.0.0.30", 5060
WEB = f"http://{NODE}:8088"
PASSWORD = "correct horse battery"
DAYS = 30
START_S = 60
SETTINGS = f"""
[service]
domain = "{DOMAIN}"
[node]
name = "bench"
data_dir = "{{folder}}"
[sip]
udp = ["{NODE}:{PORT}"]
tcp = []
tls = []
advertised_host = "{NODE}"
[media]
bind_address = "{NODE}"
[http]
bind = "{NODE}:8090"
[web]
bind = "{NODE}:8088"
[limits]
source_requests = 1000000
"""
FAILURES = ("busy", "cancelled", "no-answer", "unreachable", "codec-mismatch", "server-failure")


def fill(settings: Settings) -> None:
    """Make the installation, and everything that pages show."""
    store = Store.initialise(settings.database_url, settings.key_file, DOMAIN)
    for place in range(100):
        store.accounts.add(Account(f"acct{place:04}"), f"s3cret-{place:04}")
    store.users.add(User("admin", Role.OPERATOR), PASSWORD)
    store.close()
    with sqlite3.connect(settings.node.data_dir / "trunkline.db") as database:
        database.execute("PRAGMA synchronous = OFF")
        # Indexes come last: to keep them in order meanwhile takes five times as long.
        made = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
        indexes = database.execute(f"{made} AND tbl_name IN ('call', 'attempt')").fetchall()
        for name, _ in indexes:
            database.execute(f"DROP INDEX {name}")
        for table, names, rows in (
            ("call", CALL_COLUMNS, calls()),
            ("attempt", ATTEMPT_COLUMNS, attempts()),
        ):
            places = ",".join("?" * len(names))
            database.executemany(f"INSERT INTO {table} VALUES ({places})", rows)
        for _, sql in indexes:
            database.execute(sql)
        numbers = (
            (f"4930{place:07}", f"acct{place % 100:04}", "", "[]", time.time()) for place in range(NUMBERS)
        )
        columns = "e164, account, forwarding, forwarding_warnings, created_at"
        database.executemany(f"INSERT INTO number ({columns}) VALUES (?, ?, ?, ?, ?)", numbers)
        database.commit()
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def moments() -> Iterator[tuple[int, float]]:
    """When each call began, oldest first, the last a moment ago."""
    now = time.time()
    for place in range(CALLS):
        yield place, now - DAYS * 86_400 * (1 - place / CALLS)


def calls() -> Iterator[tuple[object, ...]]:
    """A third of them of one account, one in seven failed, one in two thousand of those for a rare reason."""
    chance = random.Random(1)
    media = ("PCMA", 3000, 3000, 1, 1.5, 4.3)
    for place, at in moments():
        answered = chance.random() < 0.86
        failure = "crashed" if chance.random() < 0.0005 else chance.choice(FAILURES)
        account = "acct0000" if chance.random() < 0.33 else f"acct{chance.randrange(100):04}"
        yield (
            *(f"{place:032x}", "run", "bench", "outbound" if chance.random() < 0.6 else "inbound", account),
            *(f"4930{chance.randrange(max(1, NUMBERS)):07}", "0049301234567", "49301234567", "4930555"),
            *(
                f"{chance.getrandbits(64):x}@pbx",
                "UDP 192.0.2.1:5060",
                at,
                at + 1,
                at + 2 if answered else None,
            ),
            *(at + 62, "closed", "carrier", 1, "caller", "answered" if answered else failure),
            *(200 if answered else 486, 16, "", None, *media, *media),
        )


def attempts() -> Iterator[tuple[object, ...]]:
    chance = random.Random(2)
    for place, at in moments():
        yield (
            *(f"{place:032x}", f"{place:x}-1", 1, "sip:49301234567@gw.example", "carrier", at),
            *(f"{chance.getrandbits(64):x}", "UDP 192.0.2.2:5060", at + 1, at + 2, at + 62),
            *("answered", 200, 16, "", None),
        )


def pages() -> dict[str, str]:
    """What is asked for, by name."""
    long_ago = time.strftime("%Y-%m-%dT%H:%M", time.gmtime(time.time() - 21 * 86_400))
    return {
        "overview": "/",
        "calls": "/calls",
        "calls, of an account": "/calls?account=acct0000",
        "calls, of a number": "/calls?number=49300000001",
        "calls, a reason": "/calls?result=busy",
        "calls, a rare reason": "/calls?result=crashed&account=acct0001",
        "calls, not answered": "/calls?result=unanswered",
        "calls, a direction": "/calls?direction=inbound&account=acct0001",
        "calls, a Call-ID": "/calls?call_id=nobody%40pbx",
        "calls, three weeks ago": f"/calls?until={long_ago}",
        "a call": f"/calls/{CALLS // 2:032x}",
        "numbers": "/numbers",
        "numbers, searched": "/numbers?search=0099999",
    }


def sign_in(client: httpx.Client) -> None:
    """Once somebody answers: a node with many numbers takes some seconds to start."""
    deadline = time.monotonic() + START_S
    while True:
        try:
            client.get("/sign-in")
            break
        except httpx.TransportError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
    answer = client.post("/sign-in", data={"name": "admin", "password": PASSWORD, "next": "/"})
    assert answer.status_code == 303, answer.text


def measure_pages(client: httpx.Client, pid: int) -> None:
    """Each page's time, and the processor's: the web process lets everybody go first, so where others work
    the time is mostly waiting."""
    for name, path in pages().items():
        times = []
        client.get(path, headers={"Accept": "text/html"})
        before = cpu_s([pid])
        for _ in range(ROUNDS):
            started = time.perf_counter()
            answer = client.get(path, headers={"Accept": "text/html"})
            times.append((time.perf_counter() - started) * 1000)
            assert answer.status_code == 200, (path, answer.status_code)
        cpu_ms = (cpu_s([pid]) - before) * 1000 / ROUNDS
        print(
            f"  {name:24} {cpu_ms:6.1f} ms of CPU, {statistics.median(times):6.1f} ms, "
            f"{max(times):6.1f} ms at most, {len(answer.content) / 1024:5.0f} kB"
        )


def options_ms() -> list[float]:
    """Round trips of OPTIONS at `RATE` a second for `SECONDS`."""
    times = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        phone.bind(("127.0.0.10", 0))
        phone.settimeout(5)
        host, port = phone.getsockname()
        due = time.perf_counter()
        for number in range(int(RATE * SECONDS)):
            due += 1 / RATE
            time.sleep(max(0.0, due - time.perf_counter()))
            head = (
                f"OPTIONS sip:{DOMAIN} SIP/2.0",
                f"Via: SIP/2.0/UDP {host}:{port};branch=z9hG4bK{number:08x}",
                f"From: <sip:bench@{DOMAIN}>;tag={number}",
                f"To: <sip:{DOMAIN}>",
                f"Call-ID: bench-{port}-{number}",
                "CSeq: 1 OPTIONS",
                "Max-Forwards: 70",
                "Content-Length: 0",
            )
            started = time.perf_counter()
            phone.sendto("\r\n".join((*head, "", "")).encode(), (NODE, PORT))
            while f"Call-ID: bench-{port}-{number}\r\n".encode() not in phone.recv(65535):
                pass
            times.append((time.perf_counter() - started) * 1000)
    return times


class Export:
    """Exports every record again and again until it is told to stop."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.bytes = 0
        self.seconds = 0.0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        started = time.perf_counter()
        while not self._stop.is_set():
            with self._client.stream("GET", "/calls/export.csv", timeout=60) as answer:
                for part in answer.iter_bytes():
                    self.bytes += len(part)
                    if self._stop.is_set():
                        break
        self.seconds = time.perf_counter() - started


def p99(times: list[float]) -> float:
    return statistics.quantiles(times, n=100)[98]


def measure_export(client: httpx.Client) -> None:
    idle = options_ms()
    with Export(client) as export:
        busy = options_ms()
    after = options_ms()
    rest = statistics.mean((p99(idle), p99(after)))
    print(
        f"  OPTIONS p99 {p99(idle):.2f} ms idle, {p99(busy):.2f} ms under an export "
        f"({export.bytes / export.seconds / 1e6:.1f} MB/s), {p99(after):.2f} ms after it: "
        f"{p99(busy) / rest:.2f} times"
    )
    print(
        f"  median {statistics.median(idle):.2f} ms idle, {statistics.median(busy):.2f} ms under the export"
    )


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file = folder / "trunkline.toml"
        file.write_text(SETTINGS.format(folder=folder))
        started = time.perf_counter()
        fill(Settings.load(file))
        print(f"  {CALLS} calls, {NUMBERS} numbers written in {time.perf_counter() - started:.0f} s")
        command = [sys.executable, "-m", "trunkline.cli", "--config", str(file), "serve"]
        with running(command, folder, start_s=1) as pid, httpx.Client(base_url=WEB, timeout=30) as client:
            sign_in(client)
            measure_pages(client, pid)
            measure_export(client)
