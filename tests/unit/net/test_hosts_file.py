"""Names that the machine itself knows."""

import os
from pathlib import Path

from tests.unit.virtual_clock import FakeClock
from trunkline.net.hosts_file import CHECK_EVERY_S, HostsFile, read_hosts


def test_reading() -> None:
    text = """
    # a comment
    127.0.0.1   localhost
    192.0.2.1   pbx.example.com PBX  # the old one
    2001:db8::1 pbx.example.com.
    not-an-address name
    192.0.2.9
    """
    assert read_hosts(text) == {
        "localhost": ("127.0.0.1",),
        "pbx.example.com": ("192.0.2.1", "2001:db8::1"),
        "pbx": ("192.0.2.1",),
    }


def test_a_change_is_seen_after_a_while(tmp_path: Path) -> None:
    clock = FakeClock()
    path = tmp_path / "hosts"
    path.write_text("192.0.2.1 pbx\n")
    hosts = HostsFile(path, clock.now)
    assert hosts.lookup("pbx") == ("192.0.2.1",)
    path.write_text("192.0.2.22 pbx\n")
    assert hosts.lookup("pbx") == ("192.0.2.1",)
    clock.advance(CHECK_EVERY_S)
    assert hosts.lookup("pbx") == ("192.0.2.22",)
    path.write_text("192.0.2.33 pbx\n")
    os.utime(path, ns=(1, 1))
    clock.advance(CHECK_EVERY_S)
    assert hosts.lookup("pbx") == ("192.0.2.33",)
    path.unlink()
    clock.advance(CHECK_EVERY_S)
    assert hosts.lookup("pbx") is None


def test_localhost_needs_no_file(tmp_path: Path) -> None:
    hosts = HostsFile(tmp_path / "none", FakeClock().now)
    assert hosts.lookup("localhost") == ("127.0.0.1", "::1")
    assert hosts.lookup("a.localhost") == ("127.0.0.1", "::1")
    assert hosts.lookup("localhost.example.com") is None
