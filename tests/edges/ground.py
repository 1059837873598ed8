"""The map of the show, its network namespaces, and the ocean between the regions.

Each machine is a network namespace. Machines of a region hang on one bridge and reach each other at once.
What goes to another region is led through a TUN device to `Ocean`, which holds each packet for as long as the
cable is long: the kernel's own delay (netem) is missing on many machines; this needs /dev/net/tun alone.

All of it lives in a namespace of the show's own, for network, mounts and processes: when the first process of
that is gone, the kernel takes everything down, whatever became of us.
"""

import fcntl
import heapq
import os
import select
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Final, NamedTuple

DOMAIN: Final = "sip.example.net"
_TUNSETIFF: Final = 0x400454CA
_TUN_NO_HEADER: Final = 0x1001
_DEVICE: Final = "ocean"
_MTU: Final = 65_535


class Machine(NamedTuple):
    """A network namespace."""

    name: str
    region: str
    address: str


REGIONS: Final = {"us": 1, "eu": 2, "ap": 3}
"""Each with its octet in 10.x.0.0/24."""
ONE_WAY_MS: Final = {frozenset(("us", "eu")): 40, frozenset(("eu", "ap")): 80, frozenset(("us", "ap")): 100}


def _machine(name: str, region: str, host: int) -> Machine:
    return Machine(name, region, f"10.{REGIONS[region]}.0.{host}")


EDGES: Final = [
    _machine(f"sip-{region}{number}", region, 10 + number) for region in REGIONS for number in (1, 2)
]
RELAYS: Final = [_machine(f"media-{region}", region, 20) for region in ("us", "eu")]
"""rtpengines; the nodes of the third region carry their media themselves."""
CUSTOMERS: Final = [_machine(f"pbx-{region}", region, 30) for region in REGIONS]
CORE: Final = _machine("core", "eu", 40)
"""PostgreSQL, Redis and Knot."""
CARRIER: Final = _machine("carrier", "eu", 50)
MACHINES: Final = [*EDGES, *RELAYS, *CUSTOMERS, CORE, CARRIER]


def within(machine: Machine, *command: str) -> list[str]:
    """`command`, to be run on that machine."""
    return ["ip", "netns", "exec", machine.name, *command]


def make() -> None:
    """The machines, and the ways between them. In a network and mount namespace of our own."""
    for place in ("/run/netns", "/dev/shm"):
        Path(place).mkdir(parents=True, exist_ok=True)
        _run("mount", "-t", "tmpfs", "none", place)
    _run("ip", "link", "set", "lo", "up")
    for name in ("ip_forward", "conf/all/rp_filter", "conf/default/rp_filter", "conf/all/send_redirects"):
        Path(f"/proc/sys/net/ipv4/{name}").write_text("1" if name == "ip_forward" else "0")
    for region, octet in REGIONS.items():
        _run("ip", "link", "add", region, "type", "bridge")
        _run("ip", "address", "add", f"10.{octet}.0.1/24", "dev", region)
        _run("ip", "link", "set", region, "up")
    for number, machine in enumerate(MACHINES):
        _run("ip", "netns", "add", machine.name)
        near = f"v{number}"
        _run("ip", "link", "add", near, "type", "veth", "peer", "name", "eth0", "netns", machine.name)
        _run("ip", "link", "set", near, "master", machine.region, "up")
        inside = ("ip", "-n", machine.name)
        _run(*inside, "address", "add", f"{machine.address}/24", "dev", "eth0")
        for device in ("eth0", "lo"):
            _run(*inside, "link", "set", device, "up")
        _run(*inside, "route", "add", "default", "via", f"10.{REGIONS[machine.region]}.0.1")


class Ocean:
    """What comes out of a region, on its way to another one."""

    def __init__(self) -> None:
        """Leads it here. Raises `OSError` without /dev/net/tun."""
        self._device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(self._device, _TUNSETIFF, struct.pack("16sH22x", _DEVICE.encode(), _TUN_NO_HEADER))
        _run("ip", "link", "set", _DEVICE, "up", "txqueuelen", "5000")
        self._delays_s = {
            (one, other): ms / 1000
            for pair, ms in ONE_WAY_MS.items()
            for one, other in _both_ways(*(REGIONS[region] for region in pair))
        }
        for region, octet in REGIONS.items():
            table = str(100 + octet)
            _run("ip", "rule", "add", "iif", region, "lookup", table)
            _run("ip", "route", "add", f"10.{octet}.0.0/24", "dev", region, "table", table)
            _run("ip", "route", "add", "10.0.0.0/8", "dev", _DEVICE, "table", table)
        threading.Thread(target=self._carry, daemon=True).start()

    def _carry(self) -> None:
        """In the order of their arrival; for ever."""
        under_way: list[tuple[float, int, bytes]] = []
        serial = 0
        while True:
            wait_s = max(0.0, under_way[0][0] - time.monotonic()) if under_way else None
            if select.select([self._device], [], [], wait_s)[0]:
                packet = os.read(self._device, _MTU)
                # RFC 791 §3.1: source and destination; the second octet of each is the region.
                delay_s = self._delays_s.get((packet[13], packet[17])) if packet[0] >> 4 == 4 else None
                if delay_s is not None:
                    serial += 1
                    heapq.heappush(under_way, (time.monotonic() + delay_s, serial, packet))
            while under_way and under_way[0][0] <= time.monotonic():
                os.write(self._device, heapq.heappop(under_way)[2])


def _both_ways(one: int, other: int) -> list[tuple[int, int]]:
    return [(one, other), (other, one)]


def _run(*command: str) -> None:
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)


def main(home: Path) -> int:
    """Play the story at home; its exit status."""
    make()
    ocean = Ocean()
    names = home / "resolv.conf"
    names.write_text(f"nameserver {CORE.address}\n")
    _run("mount", "--bind", str(names), "/etc/resolv.conf")
    try:
        command = within(CORE, sys.executable, "-m", "tests.edges.story", str(home))
        return subprocess.run(command, check=False).returncode
    except KeyboardInterrupt:
        return 130
    finally:
        del ocean


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
