"""Can the node be reached: its ports, its addresses, DNS; and has the machine the right time?"""

import asyncio
import ctypes
import errno
import socket
from ipaddress import ip_address

from trunkline.cli.checks import Finding, Findings, State
from trunkline.cli.stations import Ground, on_ground
from trunkline.config import Settings, SocketAddress
from trunkline.config.advertised import advertised_host, own_address
from trunkline.net.binding import why_not_bound
from trunkline.node.wiring import engine_settings
from trunkline.observe.hep_export import Collector
from trunkline.sip.ports import LocateFailure, Target
from trunkline.sip.uri import SipUri
from trunkline.web.control_client import ControlClient, ControlError, NoNodeError

_STA_UNSYNC = 0x40


def _node_runs(settings: Settings) -> bool:
    try:
        with ControlClient(settings.control_socket) as node:
            node.stats()
    except NoNodeError:
        return False
    return True


def check_ports(settings: Settings) -> Findings:
    """Can the SIP and HTTP ports be bound, if the node isn't there already?"""
    try:
        if _node_runs(settings):
            yield Finding("ports", State.FINE, "a node is running and answers on its control socket")
            return
    except ControlError as error:
        remedy = (
            "Run this as the user of the service. Another user's file there has to go: http.control_socket."
        )
        yield Finding("control socket", State.FAULT, str(error), remedy)
    wanted = [("UDP", socket.SOCK_DGRAM, address) for address in settings.sip.udp]
    wanted += [("TCP", socket.SOCK_STREAM, address) for address in (*settings.sip.tcp, *settings.sip.tls)]
    wanted += [("HTTP", socket.SOCK_STREAM, settings.http.bind)]
    if settings.web.enabled:
        wanted += [("HTTP", socket.SOCK_STREAM, settings.web.bind)]
    if settings.pstn.enabled:
        wanted += [("UDP", socket.SOCK_DGRAM, settings.pstn.bind)]
    for name, kind, address in wanted:
        family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
        with socket.socket(family, kind) as probe:
            if kind == socket.SOCK_STREAM:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address.host, address.port))
            except OSError as error:
                yield Finding(
                    f"port {name} {address}",
                    State.FAULT,
                    f"can't be bound: {why_not_bound(error, address.port)}",
                    "End the program that has it (ss -lnup, ss -lntp show which), or choose another address."
                    if error.errno == errno.EADDRINUSE
                    else "Choose another address or port, or run this as the service's unit does.",
                )
            else:
                yield Finding(f"port {name} {address}", State.FINE, "free")


def check_http(settings: Settings) -> Findings:
    """Is anything that needs a certificate, or asks for no password, open to the internet?"""
    web, metrics = settings.web, settings.http.bind
    if web.enabled and web.readable:
        yield Finding(
            f"dashboard http://{web.bind}",
            State.WARNING,
            f"{_open(web.bind)} without TLS: passwords and tokens can be read on the way",
            "Set web.tls, or bind it (web.bind) to loopback or a private address behind a proxy with a "
            "certificate: docs/dashboard.md.",
        )
    if metrics.exposed:
        yield Finding(
            f"metrics http://{metrics}",
            State.WARNING,
            f"{_open(metrics)}, and asks for no password",
            "Bind it to loopback or a private address (http.bind).",
        )


def _open(bind: SocketAddress) -> str:
    """What an exposed address is; of firewalls nothing can be known here."""
    if ip_address(bind.host).is_unspecified:
        return "on every address of this machine: unless a firewall shuts it off, open to the internet"
    return "open to the internet"


def check_addresses(settings: Settings) -> Findings:
    """Will peers be told an address that they can reach?"""
    hosts = dict.fromkeys(
        advertised_host(settings, bound.host)
        for bound in (*settings.sip.udp, *settings.sip.tcp, *settings.sip.tls)
    )
    for host in hosts:
        yield _address(f"advertised address {host}", host, "sip.advertised_host")
    media = engine_settings(settings).advertised_v4
    if media is not None:
        yield _address(f"advertised media address {media}", media, "media.advertised_address")


def _address(about: str, host: str, setting: str) -> Finding:
    try:
        address = ip_address(host)
    except ValueError:
        return Finding(about, State.FINE, "a name")
    if address.is_loopback:
        return Finding(about, State.WARNING, "loopback: only this machine can call", f"Set {setting}.")
    if address.is_private:
        return Finding(
            about,
            State.WARNING,
            "private: peers on the internet can't reach it",
            f"If this node is behind NAT, set {setting} to the public address, and forward the ports.",
        )
    own = own_address(ipv6=address.version == 6)
    if own is not None and own != host:
        return Finding(
            about, State.FINE, f"public; packets leave from {own}, so ports must be forwarded to it"
        )
    return Finding(about, State.FINE, "public")


def check_clock(settings: Settings) -> Findings:  # noqa: ARG001 - one of the checks
    """Is the clock kept right? Nonces and records need it."""
    libc = ctypes.CDLL(None, use_errno=True)
    buffer = ctypes.create_string_buffer(512)
    state = libc.adjtimex(buffer)
    status = int.from_bytes(buffer.raw[40:44], "little") if state >= 0 else 0
    if state < 0 or status & _STA_UNSYNC:
        yield Finding(
            "clock",
            State.WARNING,
            "the kernel does not know that it is synchronised",
            "Run an NTP client (systemd-timesyncd or chrony), unless the host does it.",
        )
    else:
        yield Finding("clock", State.FINE, "synchronised")


def check_dns(settings: Settings) -> Findings:
    """Does the service's own name lead here?"""
    domain = settings.service.domain
    found = on_ground(settings, lambda ground: _locate(ground, domain))
    if isinstance(found, LocateFailure):
        yield Finding(
            f"DNS {domain}",
            State.WARNING,
            f"leads nowhere: {found.reason}",
            "Put the records of `trunkline dns` into the zone; until then clients need the address.",
        )
    else:
        yield Finding(f"DNS {domain}", State.FINE, ", ".join(f"{t.transport} {t.address}" for t in found))


def check_collector(settings: Settings) -> Findings:
    """Does the name of the collector of HEP lead anywhere? Whether it listens, UDP doesn't say."""
    where = settings.hep.collector
    if where is None:
        return
    try:
        with Collector(*where).open() as opened:
            to = opened.getpeername()[0]
    except OSError as error:
        yield Finding(
            f"HEP collector {where}",
            State.WARNING,
            f"can't be reached: {error.strerror}",
            "Set hep.collector to a name or an address that this machine has a way to.",
        )
    else:
        yield Finding(f"HEP collector {where}", State.FINE, f"copies of SIP messages go to {to}")


async def _locate(ground: Ground, domain: str) -> list[Target] | LocateFailure:
    done: asyncio.Future[list[Target] | LocateFailure] = asyncio.get_running_loop().create_future()
    ground.resolver.locate(
        SipUri("sip", None, domain),
        lambda found: done.set_result(found if isinstance(found, LocateFailure) else list(found)),
    )
    return await done
