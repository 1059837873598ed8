"""What the settings of a node mean to each room: `trunkline.config` on one side, the rooms' own settings on
the other.
"""

import math
from collections.abc import Callable, Sequence
from ipaddress import ip_address
from pathlib import Path

from trunkline.call.ports import Tone
from trunkline.call.services import CallSettings
from trunkline.clock import Clock
from trunkline.config import Settings, SocketAddress
from trunkline.config.advertised import advertised_host, reachable
from trunkline.errors import ConfigError, MediaError
from trunkline.live.ledger import Ledger
from trunkline.live.link import SETTLE_S, Link
from trunkline.media.embedded import EmbeddedEngine, EngineSettings
from trunkline.media.rtpengine.engine import RtpengineSettings
from trunkline.media.rtpengine.wires import InstanceAddress
from trunkline.media.rtpengine.wires import Transport as NgTransport
from trunkline.net.admission import GateSettings
from trunkline.net.dns_client import DnsSettings
from trunkline.net.settings import Listen, TlsSettings, TransportSettings
from trunkline.observe.hep import HepForm
from trunkline.observe.hep_export import Collector, HepExporter
from trunkline.observe.ladder import Ladder
from trunkline.observe.log import LogFormat, LogOptions
from trunkline.sip.ports import Address, Transport
from trunkline.sip.uri import is_address
from trunkline.sip.user_agent import SUPPORTED, UserAgentSettings
from trunkline.trunk.fraud import FraudPolicy
from trunkline.trunk.health import HealthPolicy
from trunkline.trunk.limits import AccountLimits
from trunkline.trunk.registrations import RegistrationPolicy
from trunkline.trunk.verdict import Slug

METHODS = ("INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "REGISTER", "PRACK", "UPDATE", "INFO", "REFER")
"""What Allow says."""
EXTENSIONS = (*SUPPORTED, "path", "replaces")
"""What Supported says: of the registrar Path (RFC 3327), too; and that a Refer-To may hold Replaces (RFC 3891
§6.2), for there are phones that send such a REFER to nobody else.
"""
RINGBACK_DBM0 = -13.0
"""ETSI TR 101 041-2; of each of its frequencies."""


def transport_settings(settings: Settings) -> TransportSettings:
    """For `trunkline.net`. Without a TLS listener a certificate is not needed, but shown if there is one."""
    sip = settings.sip
    certified = bool(sip.tls) or settings.tls.certificate is not None or settings.certificate.is_file()

    def listen(transport: Transport, bound: SocketAddress) -> Listen:
        host = advertised_host(settings, bound.host)
        return Listen(transport, Address(bound.host, bound.port), Address(host, bound.port))

    return TransportSettings(
        listen=(
            *(listen(Transport.UDP, bound) for bound in sip.udp),
            *(listen(Transport.TCP, bound) for bound in sip.tcp),
            *(listen(Transport.TLS, bound) for bound in sip.tls),
        ),
        tls=TlsSettings(
            certificate=settings.certificate if certified else None,
            key=settings.private_key if certified else None,
            min_version=settings.tls.min_version,
            ca_file=settings.tls.ca_file,
            verify_peers=settings.tls.verify_outbound,
        ),
    )


def dns_settings(settings: Settings) -> DnsSettings:
    """For the resolver."""
    dns = settings.dns
    return DnsSettings(nameservers=dns.nameservers, port=dns.port, locate_s=dns.timeout_s)


def gate_settings(settings: Settings) -> GateSettings:
    """For the gate at the door."""
    limits = settings.limits
    return GateSettings(
        window_s=limits.source_window_s,
        requests_per_window=limits.source_requests,
        known_requests_per_window=limits.known_source_requests,
        strangers_requests_per_window=limits.strangers_requests,
        ban_s=limits.ban_s,
        fronts=frozenset(settings.sip.fronts),
    )


def hep_exporter(settings: Settings, clock: Clock, ladder: Ladder) -> HepExporter | None:
    """What copies SIP messages to the collector, begun; None where there is none."""
    hep = settings.hep
    if hep.collector is None:
        return None
    password = "" if hep.password is None else hep.password.get_secret_value()
    form = HepForm(hep.capture_id, settings.node.name, password)
    return HepExporter(clock, Collector(*hep.collector), form, ladder.first_leg)


def registration_policy(settings: Settings) -> RegistrationPolicy:
    """For the location service."""
    registrar = settings.registrar
    return RegistrationPolicy(
        min_expires_s=registrar.min_expires_s,
        default_expires_s=registrar.default_expires_s,
        max_expires_s=registrar.max_expires_s,
        max_contacts=registrar.max_contacts,
    )


def simulated_carrier_serves(bound: Sequence[Listen]) -> Address:
    """Where the simulated carrier finds this node: its first UDP listener. Raises `ConfigError`."""
    address = next((listen.bind for listen in bound if listen.transport is Transport.UDP), None)
    if address is None:
        raise ConfigError("pstn.enabled needs an address in sip.udp: the simulated carrier speaks UDP")
    if ip_address(address.host).is_unspecified:
        return Address("::1" if ":" in address.host else "127.0.0.1", address.port)
    return address


def engine_settings(settings: Settings) -> EngineSettings:
    """For the embedded media engine."""
    media = settings.media
    v4 = media.advertised_address or _address_in(settings.sip.advertised_host)
    v6 = media.advertised_address_ipv6 or _address_in(settings.sip.advertised_host_ipv6)
    bind_v6 = media.bind_address_ipv6
    return EngineSettings(
        port_min=media.port_min,
        port_max=media.port_max,
        bind_v4=media.bind_address,
        bind_v6=bind_v6,
        advertised_v4=v4 or reachable(media.bind_address),
        advertised_v6=v6 or (None if bind_v6 is None else reachable(bind_v6)),
        timeout_s=media.timeout_s,
        threads=media.threads or 1,
        drain_s=media.drain_s,
        dscp=media.dscp,
        allow_loopback=media.allow_loopback,
    )


def open_engine(settings: Settings) -> EmbeddedEngine:
    """The embedded media engine. Raises `MediaError` that names the address and where it is set."""
    try:
        return EmbeddedEngine(engine_settings(settings))
    except MediaError as error:
        ipv6 = settings.media.bind_address_ipv6
        where = "media.bind_address" if ipv6 is None else "media.bind_address and media.bind_address_ipv6"
        raise MediaError(f"{error}: see {where}") from error


def rtpengine_settings(settings: Settings) -> RtpengineSettings:
    """For the rtpengines as media engine."""
    media = settings.media
    return RtpengineSettings(
        tuple(
            InstanceAddress(
                NgTransport(item.transport), item.address.host, item.address.port, item.weight, item.region
            )
            for item in media.rtpengine
        ),
        region=settings.node.region,
        ready=media.rtpengine_ready,
        ipv6=media.rtpengine_ipv6,
        digits=media.rtpengine_digits,
        timeout_s=media.timeout_s,
    )


def _address_in(host: str | None) -> str | None:
    """The host, if it is an address and no name."""
    return host if host is not None and is_address(host) else None


def call_settings(settings: Settings) -> CallSettings:
    """For calls; a reload replaces them."""
    forwarding, outbound, media = settings.forwarding, settings.outbound, settings.media
    return CallSettings(
        service_domain=settings.service.domain,
        node_name=settings.node.name,
        endpoint_silence_ms=forwarding.default_timeout_ms,
        endpoint_ring_s=forwarding.ring_timeout_s,
        gateway_silence_ms=outbound.attempt_timeout_ms,
        gateway_progress_s=outbound.progress_timeout_s,
        gateway_ring_s=outbound.ring_timeout_s,
        trying_counts=forwarding.trying_counts,
        timeout_status=forwarding.timeout_status,
        longest_call_s=outbound.max_duration_s,
        max_calls=settings.limits.max_calls,
        max_inbound=_most_inbound(settings),
        guarded_prefixes=settings.limits.guarded_prefixes,
        srtp_needs_tls=media.srtp_needs_tls,
        to_gateways=forwarding.to_gateways,
        ringback=Tone(
            media.ringback.frequencies_hz, RINGBACK_DBM0, (media.ringback.on_ms, media.ringback.off_ms)
        ),
        announcements=announcements(media.announcements),
    )


def _most_inbound(settings: Settings) -> int | None:
    """Calls to the numbers of one account; None where nobody knows how many calls there is room for. A call
    has two pairs of media ports.
    """
    media, limits = settings.media, settings.limits
    room = [] if limits.max_calls is None else [limits.max_calls]
    if media.engine == "embedded":
        room.append((media.port_max - media.port_min + 1) // 4)
    return math.ceil(min(room) * limits.inbound_share) if room else None


def announcements(folder: Path | None) -> dict[str, str]:
    """Error id -> recording, for each that there is a file of. Raises `ConfigError` when the folder can't be
    read.
    """
    if folder is None:
        return {}
    try:
        files = sorted(folder.iterdir())
    except OSError as error:
        raise ConfigError(f"media.announcements: {folder} can't be read: {error.strerror}") from error
    ids = {str(slug) for slug in Slug}
    return {file.stem: str(file) for file in files if file.suffix == ".wav" and file.stem in ids}


def agent_settings(settings: Settings) -> UserAgentSettings:
    """For the user agent."""
    return UserAgentSettings(
        product=settings.service.product,
        allow=METHODS,
        supported=EXTENSIONS,
        session_expires_s=settings.session_timer.interval_s,
        min_se_s=settings.session_timer.min_se_s,
    )


def health_policy(settings: Settings) -> HealthPolicy:
    """N of M."""
    return HealthPolicy(settings.forwarding.health_failures, settings.forwarding.health_window)


def fraud_policy(settings: Settings) -> FraudPolicy:
    """For alarms about accounts."""
    return FraudPolicy(settings.limits.spike_calls, settings.limits.spike_factor)


def live_link(
    settings: Settings,
    limits: AccountLimits,
    clock: Clock,
    token: Callable[[], str],
    faulted: Callable[[Exception], None],
) -> Link | None:
    """The link to what the nodes share, to be started; None where nothing is. Raises `LiveError` for a URL
    that can't be. The client library is loaded only where it is used: it takes a fifth of a second.
    """
    url = settings.live.url
    if url is None:
        return None
    from trunkline.live.wire import RedisWire

    text, service, node = url.get_secret_value(), settings.service.domain, settings.node.name
    RedisWire(text, service)
    lease_s = settings.live.lease_s

    def ledger(wake: Callable[[], None]) -> Ledger:
        return Ledger(
            limits,
            clock,
            token,
            node=node,
            lease_s=lease_s,
            settle_s=SETTLE_S,
            wake=wake,
            faulted=faulted,
        )

    return Link(
        lambda: RedisWire(text, service),
        ledger,
        node=node,
        lease_s=lease_s,
        timeout_s=settings.live.timeout_ms / 1000,
    )


def log_options(settings: Settings) -> LogOptions:
    """For the log."""
    return LogOptions(settings.log.level, LogFormat(settings.log.format))
