"""A node whose shared state is away from the start: it says so, and works."""

from pathlib import Path

from tests.interop.addresses import free_port
from tests.unit.net.wire import until
from tests.unit.node.ground import KEY, Ground, on_node
from trunkline.live.ledger import Standing
from trunkline.net.admission import Evidence


def test_away_from_the_start(tmp_path: Path) -> None:
    async def look(ground: Ground) -> None:
        node, face = ground.node, ground.face
        assert node.rooms.shared is not None
        assert node.rooms.shared.state.standing is Standing.AWAY
        readiness = face.readiness()
        assert readiness.ready
        (sentence,) = readiness.degraded
        assert "live state is away" in sentence
        assert "geheim" not in sentence
        assert (face.stats().live, face.stats().live_degraded) == (sentence, True)
        assert b"trunkline_live_exact 0.0" in face.metrics()
        report = await ground.outbound()
        assert report.answered
        await until(lambda: node.rooms.limits.here(KEY).up == 0)
        node.rooms.gate.ban("192.0.2.1", "a test", evidence=Evidence.PROVEN)
        assert node.lift_ban("192.0.2.1")

    on_node(tmp_path, look, live__url=f"valkey://:geheim@127.0.0.1:{free_port()}/0")


def test_a_node_that_shares_nothing(tmp_path: Path) -> None:
    async def look(ground: Ground) -> None:
        assert ground.node.rooms.shared is None
        assert ground.face.readiness().degraded == ()
        assert (ground.face.stats().live, ground.face.stats().live_degraded) == ("", False)
        assert b"trunkline_live" not in ground.face.metrics()

    on_node(tmp_path, look)
