"""The DNS records that lead clients to the edges: NAPTR, SRV, addresses (RFC 3263 §4, RFC 2782, RFC 3403).

The service domain leads to every edge that takes calls, in proportion to the weights. Each region has a name
below it that prefers the region's own edges and falls back to the others. An edge that takes no calls is
left out of both; its own name stays as long as it has calls.

As lines of a zone file (RFC 1035 §5) they are what BIND, Knot and NSD read alike: as records alone, or as a
whole zone with SOA and NS where `zone.name_servers` is set.
"""

import re
from collections.abc import Iterator, Sequence
from enum import StrEnum
from ipaddress import ip_address
from typing import NamedTuple

from trunkline.config.edges import PublishedEdge, in_service, regions
from trunkline.config.settings import Settings
from trunkline.errors import ConfigError
from trunkline.sip.uri import is_address

_SERVICES = (
    ("_sips._tcp", "SIPS+D2T", "tls"),
    ("_sip._tcp", "SIP+D2T", "tcp"),
    ("_sip._udp", "SIP+D2U", "udp"),
)
"""NAPTR order: TLS first (RFC 3263 §4.1 prefers it), then TCP, then UDP."""
_NEAR, _FAR = 10, 20
"""SRV priorities; the lower is tried first (RFC 2782)."""
_REFRESH_S, _RETRY_S, _EXPIRE_S = 300, 60, 604_800
"""Of the SOA (RFC 1035 §3.3.13): a secondary that missed a NOTIFY is five minutes late."""
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.ASCII | re.IGNORECASE)


class Server(StrEnum):
    """Which name server a file is for: they differ in how they are told of it, not in the file."""

    BIND = "bind"
    KNOT = "knot"
    NSD = "nsd"


_STANZAS = {
    Server.BIND: (
        'named.conf:  zone "{domain}" {{ type primary; file "{file}"; }};',
        "rndc reload {domain}",
    ),
    Server.KNOT: (
        'knot.conf:  zone: [ {{ domain: {domain}, file: "{file}", zonefile-sync: -1 }} ]',
        "knotc zone-reload {domain}",
    ),
    Server.NSD: (
        'nsd.conf:  zone:  name: "{domain}"  zonefile: "{file}"',
        "nsd-control reload {domain}",
    ),
}


class Record(NamedTuple):
    """One record."""

    name: str
    """With its final dot."""
    kind: str
    data: str


def zone_records(settings: Settings, edges: Sequence[PublishedEdge]) -> list[Record]:
    """Every record for `edges` but SOA and NS. Raises `ConfigError` for a name that a zone can't hold."""
    domain = settings.service.domain
    _check(domain, edges)
    serving = in_service(edges)
    records = list(_names(domain, [(_NEAR, edge) for edge in serving]))
    for region in regions(edges):
        ranked = [(_NEAR if edge.region == region else _FAR, edge) for edge in serving]
        records += _names(f"{region}.{domain}", sorted(ranked, key=lambda item: item[0]), domain)
    for edge in edges:
        if edge.lives or edge in serving:
            records += _addresses(f"{edge.name}.{domain}.", [edge])
    return records


def _names(
    name: str, ranked: Sequence[tuple[int, PublishedEdge]], domain: str | None = None
) -> Iterator[Record]:
    """What a name that clients are given leads to; the edges' own names are below `domain`."""
    offered = [service for service in _SERVICES if any(service[2] in edge.ports for _, edge in ranked)]
    for order, (service, flag, _) in enumerate(offered, 1):
        yield Record(f"{name}.", "NAPTR", f'{order * 10} 50 "s" "{flag}" "" {service}.{name}.')
    for service, _, transport in offered:
        for priority, edge in ranked:
            if transport in edge.ports:
                place = f"{edge.ports[transport]} {edge.name}.{domain or name}."
                yield Record(f"{service}.{name}.", "SRV", f"{priority} {edge.weight} {place}")
    nearest = ranked[0][0]
    yield from _addresses(f"{name}.", [edge for priority, edge in ranked if priority == nearest])


def _addresses(name: str, edges: Sequence[PublishedEdge]) -> Iterator[Record]:
    for address in dict.fromkeys(address for edge in edges for address in edge.addresses):
        yield Record(name, "AAAA" if ip_address(address).version == 6 else "A", address)


def _check(domain: str, edges: Sequence[PublishedEdge]) -> None:
    if is_address(domain):
        raise ConfigError(f"service.domain is the address {domain}: only a name has DNS records")
    taken = set(regions(edges))
    for edge in edges:
        if _LABEL.fullmatch(edge.name) is None:
            raise ConfigError(f"{edge.name!r} can't be a host name: give that node another node.name")
        if edge.name.lower() in taken:
            raise ConfigError(f"{edge.name} is the name of a region or another edge too: change one of them")
        taken.add(edge.name.lower())


def zone_lines(records: Sequence[Record], ttl_s: int) -> list[str]:
    """`records` as lines of a zone file (RFC 1035 §5)."""
    width = max((len(record.name) for record in records), default=0)
    return [f"{name:<{width}} {ttl_s} IN {kind:<5} {data}" for name, kind, data in records]


def zone_file(
    settings: Settings, records: Sequence[Record], *, server: Server, serial: int, file: str
) -> str:
    """`records` as a file for `server`, which will find it at `file`: the whole zone of the service domain
    where `zone.name_servers` is set, else records to include. `serial` is the SOA's, 32 bits (RFC 1982).

    Raises `ConfigError` for a name server within the zone: its address is not known here.
    """
    zone, domain = settings.zone, settings.service.domain
    lines = [f"; {domain}, written by trunkline dns: what is changed here is lost."]
    if zone.name_servers:
        stanza, reload = (text.format(domain=domain, file=file) for text in _STANZAS[server])
        lines += [f"; {stanza}", f"; After a change:  {reload}"]
        lines += zone_lines(list(_authority(settings, serial)), zone.ttl_s)
    else:
        lines.append(f'; Records for a zone that exists:  $INCLUDE "{file}"')
    return "\n".join([*lines, *zone_lines(records, zone.ttl_s), ""])


def _authority(settings: Settings, serial: int) -> Iterator[Record]:
    zone, domain = settings.zone, settings.service.domain
    for name in zone.name_servers:
        if f".{name}".endswith(f".{domain}"):
            raise ConfigError(
                f"zone.name_servers: {name} is within the zone {domain}, which knows no address of it; name "
                "servers of another domain are needed"
            )
    user, _, host = (zone.contact or f"hostmaster@{domain}").rpartition("@")
    mailbox = user.replace(".", "\\.") + f".{host.removesuffix('.')}."
    times = f"{serial % 2**32} {_REFRESH_S} {_RETRY_S} {_EXPIRE_S} {zone.ttl_s}"
    yield Record(f"{domain}.", "SOA", f"{zone.name_servers[0]}. {mailbox} {times}")
    for name in zone.name_servers:
        yield Record(f"{domain}.", "NS", f"{name}.")
