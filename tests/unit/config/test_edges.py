from pathlib import Path

import pytest

from trunkline.config import Settings
from trunkline.config.edges import published_edges
from trunkline.errors import ConfigError

LISTED = """
[[edges]]
name = "sip-us1"
region = "us"
addresses = ["203.0.113.10", "2001:db8::10"]
"""


def settings(folder: Path, text: str) -> Settings:
    file = folder / "trunkline.toml"
    file.write_text(text)
    return Settings.load(file)


def test_the_edges_of_the_settings(tmp_path: Path) -> None:
    (edge,) = published_edges(settings(tmp_path, LISTED))
    assert edge == ("sip-us1", "us", ("203.0.113.10", "2001:db8::10"))


def test_a_node_alone_is_the_only_edge(tmp_path: Path) -> None:
    (edge,) = published_edges(
        settings(tmp_path, '[node]\nname = "one"\n[sip]\nadvertised_host = "203.0.113.5"\n')
    )
    assert edge == ("one", None, ("203.0.113.5",))


def test_a_name_is_no_address(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="advertised_host"):
        published_edges(settings(tmp_path, '[sip]\nadvertised_host = "sip.example.net"\n'))
