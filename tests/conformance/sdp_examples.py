"""The descriptions of `data/sdp`, as bodies."""

from pathlib import Path

DATA = Path(__file__).parent / "data" / "sdp"
ADDRESSES = {
    "host.atlanta.example.com": "192.0.2.1",
    "host.biloxi.example.com": "192.0.2.2",
    "newhost.biloxi.example.com": "192.0.2.3",
    "otherhost.biloxi.example.com": "192.0.2.4",
    "placeholder.biloxi.example.com": "192.0.2.5",
    "mediaserver.biloxi.example.com": "192.0.2.6",
    "host.anywhere.com": "192.0.2.7",
    "host.example.com": "192.0.2.8",
}
"""What stands in for each host name."""


def examples(name: str, *, with_names: bool = False) -> dict[str, bytes]:
    """Section and part -> body. `with_names` leaves host names as printed."""
    found: dict[str, list[str]] = {}
    for line in (DATA / name).read_text(encoding="ascii").splitlines():
        if line.startswith("== "):
            lines = found.setdefault(line[3:], [])
        elif not with_names and line.startswith("c="):
            host = line.split(" ")[2]
            lines.append(line.replace(host, ADDRESSES.get(host, host)))
        else:
            lines.append(line)
    return {key: "".join(f"{line}\r\n" for line in lines).encode() for key, lines in found.items()}
