"""One tap feeds the metrics and the ladder."""

import asyncio
from pathlib import Path

import pytest

from tests.unit.observe.flows import PaperFlow
from tests.unit.virtual_clock import FakeClock
from trunkline.observe.hep_export import HepExporter
from trunkline.observe.journal import Journal
from trunkline.observe.ladder import Ladder
from trunkline.observe.metrics import Metrics
from trunkline.observe.wiretap import WireTap
from trunkline.sip.ports import Flow, Observer

INVITE = b"INVITE sip:1@h SIP/2.0\r\n\r\n"
OK = b"SIP/2.0 200 OK\r\n\r\n"


def test_copies_what_it_is_told() -> None:
    copied: list[tuple[bytes, str, bool]] = []

    class Copies(HepExporter):
        def __init__(self) -> None:
            pass

        def message(self, data: bytes, flow: Flow, call_id: str, *, sent: bool) -> None:
            copied.append((data, call_id, sent))

    tap: Observer = WireTap(Metrics(), None, Copies())
    tap.message_received(INVITE, PaperFlow(), "in")
    tap.message_sent(OK, PaperFlow(), "in")
    assert copied == [(INVITE, "in", False), (OK, "in", True)]


@pytest.mark.parametrize("with_ladder", [True, False])
def test_counts_and_keeps(with_ladder: bool, tmp_path: Path) -> None:
    journal = Journal(tmp_path, keep_s=1e9, max_bytes=1 << 20)
    metrics = Metrics()
    ladder = Ladder(FakeClock(), journal)
    tap: Observer = WireTap(metrics, ladder if with_ladder else None)
    tap.message_received(INVITE, PaperFlow(), "in")
    tap.message_sent(OK, PaperFlow(), "in")
    ladder.link("in", "call")
    assert [m.data for m in asyncio.run(ladder.read("call"))] == ([INVITE, OK] if with_ladder else [])
    assert metrics.messages.values == {("in", "INVITE", "UDP"): 1, ("out", "2xx", "UDP"): 1}
    journal.close()
