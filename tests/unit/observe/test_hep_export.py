"""Copies go to a collector, which here is a socket; nothing waits for it, and nothing is lost unnoticed."""

import socket
import threading
from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs

from tests.unit.observe.flows import PaperFlow
from tests.unit.observe.test_hep import chunks
from tests.unit.virtual_clock import FakeClock
from trunkline.observe.hep import HepForm
from trunkline.observe.hep_export import GATHER_S, MAX_BATCHES, MAX_GATHERED, RETRY_S, Collector, HepExporter

INVITE = b"INVITE sip:1@h SIP/2.0\r\n\r\n"
OK = b"SIP/2.0 200 OK\r\n\r\n"


@pytest.fixture
def ear() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ear:
        ear.bind(("127.0.0.1", 0))
        ear.settimeout(10)
        yield ear


def exporter(clock: FakeClock, host: str, port: int) -> HepExporter:
    return HepExporter(clock, Collector(host, port), HepForm(7, "n"), lambda call_id: call_id.upper())


def finish(exporter: HepExporter) -> None:
    exporter.stop()
    exporter.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_each_message_is_copied_with_what_its_call_has_in_common(ear: socket.socket, host: str) -> None:
    clock = FakeClock()
    copies = exporter(clock, host, ear.getsockname()[1])
    copies.message(INVITE, PaperFlow(), "in", sent=False)
    at = clock.wall()
    clock.advance(GATHER_S / 2)
    copies.message(OK, PaperFlow(), "in", sent=True)
    clock.advance(GATHER_S)
    first, second = chunks(ear.recv(2048)), chunks(ear.recv(2048))
    assert (first[15], first[17], first[4]) == (INVITE, b"IN", socket.inet_aton("192.0.2.1"))
    assert (second[15], second[17], second[3]) == (OK, b"IN", socket.inet_aton("192.0.2.1"))
    assert int.from_bytes(first[9], "big") == int(at)
    finish(copies)
    assert (copies.sent, copies.lost) == (2, 0)


def test_secrets_stay_here(ear: socket.socket) -> None:
    copies = exporter(FakeClock(), *ear.getsockname())
    proof = b'Proxy-Authorization: Digest username="k", response="0123456789abcdef0123456789abcdef"\r\n'
    copies.message(b"INVITE sip:1@h SIP/2.0\r\n" + proof + b"\r\n", PaperFlow(), "in", sent=False)
    finish(copies)
    told = chunks(ear.recv(2048))[15]
    assert b'username="k"' in told
    assert b"0123456789abcdef" not in told


def test_what_was_gathered_at_the_end_is_sent(ear: socket.socket) -> None:
    copies = exporter(FakeClock(), *ear.getsockname())
    copies.message(INVITE, PaperFlow(), "in", sent=False)
    finish(copies)
    assert chunks(ear.recv(2048))[15] == INVITE


def test_more_than_a_moment_holds_is_lost_and_counted(ear: socket.socket) -> None:
    copies = exporter(FakeClock(), *ear.getsockname())
    for _ in range(MAX_GATHERED + 3):
        copies.message(OK, PaperFlow(), "in", sent=True)
    finish(copies)
    assert (copies.sent, copies.lost) == (MAX_GATHERED, 3)


def test_a_collector_that_is_not_there_is_logged_once_and_tried_again(ear: socket.socket) -> None:
    clock, now = FakeClock(), 100.0
    failures = [OSError("no such name"), OSError("no such name")]

    class Flaky(Collector):
        def open(self) -> socket.socket:
            if failures:
                raise failures.pop()
            return super().open()

    with capture_logs() as logs:
        copies = HepExporter(clock, Flaky(*ear.getsockname()), HepForm(7, "n"), str, monotonic=lambda: now)
        for _ in range(2):
            for _ in range(3):
                copies.message(OK, PaperFlow(), "in", sent=True)
            clock.advance(GATHER_S)
            copies.wait_sent()
            now += RETRY_S
        assert (copies.sent, copies.lost) == (0, 6)
        copies.message(INVITE, PaperFlow(), "in", sent=True)
        finish(copies)
    assert (copies.sent, copies.lost) == (1, 6)
    assert chunks(ear.recv(2048))[15] == INVITE
    (line,) = logs
    assert (line["log_level"], line["host"], line["error"]) == ("warning", "127.0.0.1", "no such name")


def test_a_collector_that_refuses_is_noticed(ear: socket.socket) -> None:
    """On a connected socket, the ICMP error of one packet fails the next."""
    address = ear.getsockname()
    ear.close()
    copies = exporter(FakeClock(), *address)
    with capture_logs() as logs:
        for _ in range(3):
            copies.message(OK, PaperFlow(), "in", sent=True)
        finish(copies)
    assert copies.lost >= 1
    assert [line["event"] for line in logs] == ["the HEP collector is not there"]


@pytest.mark.parametrize("host", ["homer.invalid", "192.0.2.300"])
def test_a_name_that_leads_nowhere_raises(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> list[object]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(OSError, match="not known"):
        Collector(host, 9060).open()


def test_what_no_datagram_holds_is_counted(ear: socket.socket) -> None:
    copies = exporter(FakeClock(), *ear.getsockname())
    copies.message(b"x" * 70_000, PaperFlow(), "in", sent=True)
    finish(copies)
    assert (copies.sent, copies.lost) == (0, 1)


def test_a_thread_that_is_behind_is_not_waited_for(
    ear: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threading.Thread, "start", lambda _thread: None)
    clock = FakeClock()
    copies = exporter(clock, *ear.getsockname())
    for _ in range(MAX_BATCHES + 2):
        copies.message(OK, PaperFlow(), "in", sent=True)
        clock.advance(GATHER_S)
    assert copies.lost == 2
