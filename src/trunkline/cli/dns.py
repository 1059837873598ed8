"""`trunkline dns`: the records that lead clients to the edges (RFC 3263 §4)."""

from ipaddress import ip_address

import typer

from trunkline.cli.installation import installation
from trunkline.cli.output import Json, examples, print_json, say
from trunkline.config import Settings
from trunkline.config.edges import published_edges

_SERVICES = (
    ("_sips._tcp", "SIPS+D2T", "tls"),
    ("_sip._tcp", "SIP+D2T", "tcp"),
    ("_sip._udp", "SIP+D2U", "udp"),
)
"""NAPTR order: TLS first (RFC 3263 §4.1 prefers it), then TCP, then UDP."""
TTL_S = 300

app = typer.Typer(add_completion=False)


@app.command(epilog=examples("trunkline dns", "trunkline dns --json"))
def dns(context: typer.Context, as_json: Json = False) -> None:
    """Print the DNS records that lead clients to the edges.

    NAPTR, SRV and addresses (RFC 3263), ready to paste into the zone.
    """
    records = zone_records(installation(context).settings)
    if as_json:
        print_json([{"name": name, "type": kind, "data": data} for name, kind, data in records])
        return
    width = max(len(name) for name, _, _ in records)
    for name, kind, data in records:
        say(f"{name:<{width}} {TTL_S} IN {kind:<5} {data}")


def zone_records(settings: Settings) -> list[tuple[str, str, str]]:
    """(name, type, data) of every record. Raises `ConfigError` when no address is known."""
    domain = settings.service.domain
    edges = published_edges(settings)
    records = []
    offered = [service for service in _SERVICES if getattr(settings.sip, service[2])]
    for order, (service, flag, _) in enumerate(offered, 1):
        records.append((f"{domain}.", "NAPTR", f'{order * 10} 50 "s" "{flag}" "" {service}.{domain}.'))
    for service, _, section in offered:
        port = getattr(settings.sip, section)[0].port
        share = f"10 {100 // len(edges)} {port}"
        records += [(f"{service}.{domain}.", "SRV", f"{share} {edge.name}.{domain}.") for edge in edges]
    for edge in edges:
        for address in edge.addresses:
            kind = "AAAA" if ip_address(address).version == 6 else "A"
            records.append((f"{edge.name}.{domain}.", kind, address))
            records.append((f"{domain}.", kind, address))
    return records
