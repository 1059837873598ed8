"""The DNS records that lead clients to the edges: NAPTR, SRV, addresses (RFC 3263 §4)."""

from collections.abc import Sequence
from ipaddress import ip_address
from typing import NamedTuple

from trunkline.config.edges import published_edges
from trunkline.config.settings import Settings

_SERVICES = (
    ("_sips._tcp", "SIPS+D2T", "tls"),
    ("_sip._tcp", "SIP+D2T", "tcp"),
    ("_sip._udp", "SIP+D2U", "udp"),
)
"""NAPTR order: TLS first (RFC 3263 §4.1 prefers it), then TCP, then UDP."""
_TTL_S = 300


class Record(NamedTuple):
    """One record."""

    name: str
    """With its final dot."""
    kind: str
    data: str


def zone_records(settings: Settings) -> list[Record]:
    """Every record. Raises `ConfigError` when no address is known."""
    domain = settings.service.domain
    edges = published_edges(settings)
    records: list[Record] = []
    offered = [service for service in _SERVICES if getattr(settings.sip, service[2])]
    for order, (service, flag, _) in enumerate(offered, 1):
        records.append(Record(f"{domain}.", "NAPTR", f'{order * 10} 50 "s" "{flag}" "" {service}.{domain}.'))
    for service, _, section in offered:
        port = getattr(settings.sip, section)[0].port
        share = f"10 {100 // len(edges)} {port}"
        records += [Record(f"{service}.{domain}.", "SRV", f"{share} {edge.name}.{domain}.") for edge in edges]
    for edge in edges:
        for address in edge.addresses:
            kind = "AAAA" if ip_address(address).version == 6 else "A"
            records.append(Record(f"{edge.name}.{domain}.", kind, address))
            records.append(Record(f"{domain}.", kind, address))
    return records


def zone_lines(records: Sequence[Record]) -> list[str]:
    """`records` as lines of a zone file (RFC 1035 §5)."""
    width = max((len(record.name) for record in records), default=0)
    return [f"{name:<{width}} {_TTL_S} IN {kind:<5} {data}" for name, kind, data in records]
