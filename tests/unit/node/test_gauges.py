"""What a running node tells Prometheus of its rooms."""

from pathlib import Path

from tests.unit.node.ground import Ground, on_node
from trunkline.net.admission import Evidence


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
