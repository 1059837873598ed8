"""The rooms of a node: opened from its settings, or not, with words; changed by others."""

from pathlib import Path

import pytest

from tests.unit.node.ground import (
    Ground,
    Installation,
    in_loop,
    on_node,
)
from trunkline.config import Settings
from trunkline.errors import ConfigError, MediaError, NetError, TrunklineError
from trunkline.node.node import Node
from trunkline.trunk.health import HealthKey


def test_a_start_that_fails_early_says_why(tmp_path: Path) -> None:
    """Nothing is running yet that could be ended."""
    installation = Installation.make(tmp_path, media__bind_address="203.0.113.1")

    async def start() -> None:
        node = Node(installation.settings)
        try:
            await node.start()
        finally:
            node.rooms.clock.stop()

    with pytest.raises(MediaError, match=r"203\.0\.113\.1:\d+: .*: see media\.bind_address$"):
        in_loop(start())


def test_without_an_installation_it_says_what_to_do(tmp_path: Path) -> None:
    settings = Settings.parse(f'[node]\ndata_dir = "{tmp_path}"\n')

    async def start() -> None:
        node = Node(settings)
        try:
            await node.start()
        finally:
            node.rooms.clock.stop()

    with pytest.raises(TrunklineError, match=r"trunkline|init|key"):
        in_loop(start())


def test_a_reload_applies_what_it_can_and_tells_the_rest(tmp_path: Path) -> None:
    async def change(ground: Ground) -> None:
        node = ground.node
        text = (tmp_path / "trunkline.toml").read_text()
        assert node.reload(node.rooms.settings) == []
        old = f"port_min = {node.rooms.settings.media.port_min}"
        text = text.replace(old, f"port_min = {node.rooms.settings.media.port_min + 2}")
        text = text.replace("# timeout_status = 486", "timeout_status = 480")
        new = Settings.parse(text.replace('domain = "sip.example.net"', 'domain = "sip.example.org"'))
        changes = node.reload(new)
        assert {change.key: change.needs_restart for change in changes} == {
            "service.domain": True,
            "media.port_min": True,
            "forwarding.timeout_status": False,
        }
        assert node.rooms.services.settings.timeout_status == 480
        assert node.rooms.services.settings.service_domain == "sip.example.net", "the realm stays, too"
        assert [change.key for change in node.reload(new)] == ["service.domain", "media.port_min"]

    on_node(tmp_path, change)


def test_a_reload_that_fails_changes_nothing(tmp_path: Path) -> None:
    async def change(ground: Ground) -> None:
        rooms = ground.node.rooms
        before = rooms.settings, rooms.services.settings
        text = (tmp_path / "trunkline.toml").read_text()
        text = text.replace("# timeout_status = 486", "timeout_status = 480")
        recordings = text.replace("[media]\n", f'[media]\nannouncements = "{tmp_path}/nowhere"\n')
        with pytest.raises(ConfigError, match="nowhere"):
            rooms.reload(Settings.parse(recordings))
        assert (rooms.settings, rooms.services.settings) == before
        key = rooms.settings.private_key
        pem = key.read_text()
        key.write_text("no key")
        with pytest.raises(NetError):
            rooms.reload(Settings.parse(text))
        assert (rooms.settings, rooms.services.settings) == before
        key.write_text(pem)
        assert [change.key for change in rooms.reload(Settings.parse(text))] == ["forwarding.timeout_status"]

    on_node(tmp_path, change)


def test_a_reload_changes_who_counts_as_down_and_when_a_source_is_banned(tmp_path: Path) -> None:
    async def change(ground: Ground) -> None:
        rooms = ground.node.rooms
        text = (tmp_path / "trunkline.toml").read_text()
        text = text.replace("# health_failures = 3", "health_failures = 1")
        rooms.reload(Settings.parse(text.replace("# ban_failures = 10", "ban_failures = 3")))
        assert rooms.services.health.failed(HealthKey("up", "sip:192.0.2.10"), "unreachable")
        assert [rooms.guessing.wrong("192.0.2.7") for _ in range(3)] == [False, False, True]

    on_node(tmp_path, change)
