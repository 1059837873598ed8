"""What a running node tells Prometheus of its rooms."""

import asyncio
import socket
from pathlib import Path

import pytest

from tests.unit.net.wire import until
from tests.unit.node.ground import Ground, on_node
from tests.unit.observe.flows import PaperFlow
from tests.unit.observe.test_hep import chunks
from trunkline.net.admission import Evidence
from trunkline.store.record_writer import RecordWriter


def test_they_are_read_off_the_rooms(tmp_path: Path) -> None:
    async def look(ground: Ground) -> None:
        rooms = ground.node.rooms
        before = ground.face.metrics()
        assert b"\ntrunkline_active_calls 0.0\n" in before
        assert b'\ntrunkline_media_port_pairs{state="open"} 0.0\n' in before
        assert b'\ntrunkline_transactions{side="server"} 0.0\n' in before
        assert b"\ntrunkline_strangers_share 1.0\n" in before
        assert b"trunkline_rtpengine_up" not in before
        for host in ("192.0.2.1", "192.0.2.2"):
            rooms.gate.ban(host, "a test", evidence=Evidence.ORDERED)
        rooms.gate.measured(late_s=1.0, limit_s=1.0)
        after = ground.face.metrics()
        assert b"\ntrunkline_bans 2.0\n" in after
        assert b"\ntrunkline_strangers_share 0.5\n" in after

    on_node(tmp_path, look)


def test_datagrams_that_came_to_nothing_are_counted(tmp_path: Path) -> None:
    """A phone's keep-alives are some; what a full socket did not take is lost SIP."""

    async def look(ground: Ground) -> None:
        assert b"\ntrunkline_datagrams_dropped_total 0.0\n" in ground.face.metrics()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
            phone.sendto(b"\r\n\r\n", ground.node.rooms.transports.bound[0].bind)
        await until(lambda: b"\ntrunkline_datagrams_ignored_total 1.0\n" in ground.face.metrics())

    on_node(tmp_path, look)


def test_messages_that_a_ladder_has_no_room_for_are_counted(tmp_path: Path) -> None:
    async def look(ground: Ground) -> None:
        ladder = ground.node.rooms.ladder
        assert b"\ntrunkline_ladder_lost_total 0.0\n" in ground.face.metrics()
        while not ladder.lost:
            ladder.message_received(b"INVITE sip:h SIP/2.0\r\n" + bytes(4000), PaperFlow(), "a-dialog")
        assert b"\ntrunkline_ladder_lost_total 1.0\n" in ground.face.metrics()

    on_node(tmp_path, look)


def test_records_that_the_database_refuses_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def look(ground: Ground) -> None:
        state = ground.node.rooms.writer.state
        monkeypatch.setattr(RecordWriter, "state", state._replace(refused=2, dropped=3))
        after = ground.face.metrics()
        assert b"\ntrunkline_records_refused_total 2.0\n" in after
        assert b"\ntrunkline_records_lost_total 3.0\n" in after

    on_node(tmp_path, look)


def test_copies_for_a_collector_are_counted(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ear:
        ear.bind(("127.0.0.1", 0))
        ear.settimeout(10)

        async def look(ground: Ground) -> None:
            rooms = ground.node.rooms
            exporter = rooms.exporter
            assert exporter is not None
            exporter.message(b"OPTIONS sip:h SIP/2.0\r\n\r\n", PaperFlow(), "out", sent=True)
            exporter.stop()
            await asyncio.to_thread(exporter.wait_sent)
            after = ground.face.metrics()
            assert b"\ntrunkline_hep_sent_total 1.0\n" in after
            assert b"\ntrunkline_hep_lost_total 0.0\n" in after

        to = f"127.0.0.1:{ear.getsockname()[1]}"
        on_node(tmp_path, look, hep__collector=to, hep__capture_id=9, hep__password="pa55")
        copy = chunks(ear.recv(2048))
    assert (copy[12], copy[14], copy[17]) == ((9).to_bytes(4, "big"), b"pa55", b"out")
