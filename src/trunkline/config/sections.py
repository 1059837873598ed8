"""Every setting, declared once: its key, unit, default, bounds and meaning.

`trunkline init` renders the commented settings file from here (`file`). Absence is None: no number means
"off". What a bound address is, is not what peers are told: `sip.udp` … are bound, `sip.advertised_host` is
written into Via and Contact, `media.bind_address` and `media.advertised_address` do the same for RTP.
"""

import socket
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from trunkline.config.values import (
    AddressOfIpv4,
    AddressOfIpv6,
    Cadence,
    DigestAlgorithms,
    Host,
    HostOfIpv4,
    HostOfIpv6,
    Hosts,
    IpAddress,
    IpAddresses,
    ListenAddress,
    ListenAddresses,
    LiveUrl,
    Prefixes,
    RegionName,
    RtpengineAddresses,
    SipTransports,
    SocketAddress,
    ToneCadence,
)
from trunkline.trunk.destinations import GUARDED


def setting(default: Any, description: str, *, live: bool = False, example: str = "", **bounds: Any) -> Any:
    """A documented setting. `live`: a reload (SIGHUP) applies it to new calls; others wait for a restart."""
    return Field(
        default=default,
        description=description,
        json_schema_extra={"live": live, "example": example},
        **bounds,
    )


class Section(BaseModel):
    """A table of the settings file."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True, allow_inf_nan=False)


class Service(Section):
    """What customers know the service as."""

    domain: Host = setting(
        "sip.example.net",
        "The name that customers send INVITEs to. It is also the digest realm and the host of From and To in "
        "forwarded calls. Changing it makes every stored password useless: they are hashed with the realm.",
    )
    product: str = setting(
        "Trunkline", "The product named in Server and User-Agent.", min_length=1, max_length=64
    )
    digest: DigestAlgorithms = setting(
        ("MD5",),
        "What challenges offer, in this order: MD5, SHA-256 or both. FreeSWITCH, Twinkle 1.10 and phones "
        "with libre before 2 (baresip 1.0) know MD5 alone, and give up at another challenge beside it.",
        min_length=1,
    )


class Node(Section):
    """This machine."""

    name: str = Field(
        default_factory=lambda: socket.gethostname().partition(".")[0] or "node",
        description="Names this node in call records and logs. Two nodes on one database need two names.",
        json_schema_extra={"live": False, "example": '"sip-us1"'},
        min_length=1,
        max_length=64,
    )
    region: RegionName | None = setting(
        None, "Where it stands: nodes of one region are preferred together.", example='"us"'
    )
    weight: int = setting(
        100, "Its share of the calls beside the others of its region, in DNS.", ge=1, le=65535
    )
    lost_after_s: float = setting(
        10.0,
        "After this long without a sign of life the other nodes on the database take it for lost: they close "
        "its records, and it leaves the zone.",
        ge=4,
        le=600,
    )
    takeover: bool = setting(
        True,
        "Answered calls outlive their node: with rtpengine as media and live.url set, another node goes on "
        "with them. With false this node neither leaves its calls to others nor goes on with theirs.",
    )
    data_dir: Path = setting(
        Path("/var/lib/trunkline"),
        "Holds the SQLite database, the key file, the control socket and spilled records.",
    )


class Sip(Section):
    """Where SIP is spoken. What is bound is not what peers are told: see advertised_host."""

    udp: ListenAddresses = setting((SocketAddress("0.0.0.0", 5060),), "UDP addresses to bind.")
    tcp: ListenAddresses = setting((SocketAddress("0.0.0.0", 5060),), "TCP addresses to bind.")
    tls: ListenAddresses = setting((SocketAddress("0.0.0.0", 5061),), "TLS addresses to bind.")
    advertised_host: HostOfIpv4 | None = setting(
        None,
        "The host written into Via and Contact towards IPv4 peers: this node's public address or name. "
        "Default: the bound address, or the address of the route to the peer where all addresses are bound.",
        example='"203.0.113.10"',
    )
    advertised_host_ipv6: HostOfIpv6 | None = setting(
        None, "The same towards IPv6 peers.", example='"2001:db8::10"'
    )
    fronts: IpAddresses = setting(
        (),
        "Addresses of proxies in front of the nodes, as `trunkline kamailio` sets them up. What they say of "
        "the true source of a message is believed, so they must be yours, and nobody else may be able to "
        "send from their addresses.",
        example='["10.0.0.5"]',
    )


class Tls(Section):
    """Certificates and versions for SIP over TLS. Certificates of clients are not asked for."""

    certificate: Path | None = setting(
        None,
        "PEM file with this node's certificate and its chain. Default: tls-certificate.pem in data_dir.",
        example='"/etc/trunkline/tls-certificate.pem"',
    )
    private_key: Path | None = setting(
        None,
        "PEM file with its private key. Default: tls-key.pem in data_dir.",
        example='"/etc/trunkline/tls-key.pem"',
    )
    min_version: Literal["1.0", "1.1", "1.2", "1.3"] = setting(
        "1.0", "Lowest TLS version accepted and offered. Connections below 1.2 are warned about in the log."
    )
    ca_file: Path | None = setting(
        None,
        "PEM file of the authorities trusted in outbound connections. Default: the system's.",
        example='"/etc/ssl/certs/ca-certificates.crt"',
    )
    verify_outbound: bool = setting(
        False,
        "Refuse sips: endpoints whose certificate does not match their name. Carriers have a setting each.",
    )


class Media(Section):
    """RTP: every call's audio passes through this node."""

    engine: Literal["embedded", "rtpengine"] = setting(
        "embedded",
        "The media engine: embedded is the built-in one; rtpengine uses those of media.rtpengine, and then "
        "ports, addresses, threads and marks of RTP are theirs to set, not this section's.",
    )
    rtpengine: RtpengineAddresses = setting(
        (),
        "The rtpengines, where they take ng commands: udp (their --listen-ng), tcp (--listen-tcp-ng) or http "
        "(--listen-http), an IP address, a port, the share of the calls, and the region. With node.region, "
        "calls go to those of that region and to those without one, and elsewhere only when none of them "
        "has room.",
        example='["udp:192.0.2.9:2223;weight=2;region=us", "udp:198.51.100.9:2223;region=eu"]',
    )
    rtpengine_digits: ListenAddress | None = setting(
        None,
        "Where this node hears of keys pressed: the rtpengines' --dtmf-log-dest. Needed for legs whose keys "
        "go on by SIP INFO. Default: such keys are dropped.",
        example='"127.0.0.1:2226"',
    )
    rtpengine_ready: int = setting(
        16,
        "Calls that are prepared at each rtpengine for callers to come: as many as may begin within a few "
        "milliseconds. Each holds two port pairs there.",
        ge=1,
        le=1000,
    )
    rtpengine_ipv6: bool = setting(
        False, "Whether the rtpengines have IPv6 addresses. Every call then holds a port pair more."
    )
    port_min: int = setting(10000, "First UDP port for RTP; even.", ge=1024, le=65534, multiple_of=2)
    port_max: int = setting(20000, "Last UDP port for RTP and RTCP.", ge=1025, le=65535)
    bind_address: IpAddress = setting("0.0.0.0", "IPv4 address to bind RTP ports on.")
    bind_address_ipv6: IpAddress | None = setting(
        None, "IPv6 address to bind RTP ports on. Default: no RTP over IPv6.", example='"::"'
    )
    advertised_address: AddressOfIpv4 | None = setting(
        None,
        "IPv4 address written into SDP. Default: sip.advertised_host when that is an address, else "
        "bind_address, or the address of the default route where all addresses are bound.",
        example='"203.0.113.10"',
    )
    advertised_address_ipv6: AddressOfIpv6 | None = setting(
        None, "IPv6 address written into SDP. Default: as for IPv4.", example='"2001:db8::10"'
    )
    timeout_s: float = setting(
        60.0,
        "A call is ended after this long without any RTP, both ways, unless it is on hold.",
        gt=0,
        le=86400,
    )
    threads: int = setting(1, "Threads that relay packets; one carries about a thousand calls.", ge=1, le=64)
    drain_s: float = setting(
        2.0,
        "A closed call's ports rest this long before the next call gets them; longer while its old peer "
        "goes on sending.",
        ge=0,
        le=600,
    )
    dscp: int = setting(46, "Priority mark (DSCP) of RTP packets; 46 is expedited forwarding.", ge=0, le=63)
    srtp_needs_tls: bool = setting(
        False,
        "Take and offer SRTP only where the SIP goes over TLS: its keys stand in the SIP messages (RFC "
        "4568), and over UDP and TCP everybody on the way can read them. Unless set, that is warned about in "
        "the log.",
        live=True,
    )
    ringback: ToneCadence = setting(
        Cadence((425.0,), 1000, 4000),
        "The tone that callers of accounts with --ringback tone hear of a far end that rings in silence: Hz, "
        "then milliseconds on and off; 440+480:2000/4000 in North America, 400+450:400/200 is near to the "
        "British one.",
        live=True,
    )
    announcements: Path | None = setting(
        None,
        "Folder of recordings that tell refused callers why, for accounts with --announcements: "
        "ERROR-ID.wav, such as busy.wav or no-route.wav (docs/explain.md lists the ids), 8000 Hz, mono, 16 "
        "bits, of at most 30 seconds. Default: none.",
        live=True,
        example='"/etc/trunkline/announcements"',
    )
    allow_loopback: bool = setting(
        False, "Send RTP to loopback addresses that a peer's SDP names. Only for tests on one machine."
    )

    @model_validator(mode="after")
    def _room_for_a_call(self) -> Self:
        if self.port_max - self.port_min < 3:
            raise ValueError("port_max must be at least port_min + 3: a call needs four ports")
        return self

    @model_validator(mode="after")
    def _somebody_to_ask(self) -> Self:
        if self.engine == "rtpengine" and not self.rtpengine:
            raise ValueError("media.engine is rtpengine, and media.rtpengine names none")
        return self


class Forwarding(Section):
    """Inbound calls: how the endpoints of a number's list are tried in turn."""

    trying_counts: bool = setting(
        True,
        "A 100 Trying stops an endpoint's timeout. Set false for PBXs behind a proxy that sends 100 itself.",
        live=True,
    )
    timeout_status: int = setting(
        486, "Answer to the caller when no endpoint of the list answered.", live=True, ge=400, le=699
    )
    ring_timeout_s: float = setting(
        60.0, "An endpoint that rings this long ends the call.", live=True, gt=0, le=600
    )
    default_timeout_ms: int = setting(
        5000,
        "Silence after which the next endpoint is tried, for URIs without ;timeout=.",
        live=True,
        ge=2000,
        le=20000,
    )
    to_gateways: bool = setting(
        False,
        "Call endpoints at the addresses of carriers' gateways too, where a carrier also is a host of PBXs. "
        "Customers can then call the world there, past routes and limits, if the gateway trusts us.",
        live=True,
    )
    pings: bool = setting(True, "Ask every endpoint and gateway for its health with OPTIONS.", live=True)
    ping_interval_s: float = setting(
        30.0, "Seconds between two pings to the same one.", live=True, ge=1, le=3600
    )
    health_failures: int = setting(
        3, "An endpoint or gateway counts as down when this many …", live=True, ge=1, le=100
    )
    health_window: int = setting(
        5, "… of its last so many pings and attempts failed.", live=True, ge=1, le=100
    )

    @model_validator(mode="after")
    def _failures_fit(self) -> Self:
        if self.health_failures > self.health_window:
            raise ValueError("health_failures must not be larger than health_window")
        return self


class Outbound(Section):
    """Calls from customers to carriers."""

    attempt_timeout_ms: int = setting(
        5000, "Silence after which the next gateway is tried.", live=True, ge=500, le=32000
    )
    progress_timeout_s: float = setting(
        20.0,
        "A gateway that has said 100 Trying and nothing else for this long is given up for the next one.",
        live=True,
        ge=1,
        le=120,
    )
    ring_timeout_s: float = setting(120.0, "A call that rings this long is ended.", live=True, gt=0, le=600)
    max_duration_s: float = setting(
        14400.0, "A call that lasts this long is ended.", live=True, gt=0, le=604800
    )


class SessionTimer(Section):
    """RFC 4028: dead calls are noticed because both sides refresh living ones."""

    interval_s: int = setting(1800, "Session-Expires that is asked for.", live=True, ge=90, le=86400)
    min_se_s: int = setting(90, "Min-SE: a shorter interval is refused with 422.", live=True, ge=90, le=86400)

    @model_validator(mode="after")
    def _interval_allowed(self) -> Self:
        if self.interval_s < self.min_se_s:
            raise ValueError("interval_s must be at least min_se_s")
        return self


class Limits(Section):
    """What the node takes before it says no. Limits of an account are set on the account."""

    max_calls: int | None = setting(
        None,
        "Calls at once on this node; above it, 503. Default: as many as media ports allow.",
        live=True,
        ge=1,
        example="1000",
    )
    inbound_share: float = setting(
        0.75,
        "Of the calls that the node has room for (max_calls, or what media ports of the built-in engine "
        "allow), how many may be calls to one account's numbers; above it, 503. So a number that everybody "
        "calls leaves the other customers theirs. 1.0 for a node with one customer.",
        live=True,
        gt=0,
        le=1,
    )
    source_requests: int = setting(
        16,
        "Requests that a source nobody knows may send in source_window_s; more, and it is banned. As many "
        "connections may it open; more are turned away.",
        ge=1,
    )
    known_source_requests: int = setting(
        4000,
        "The same for a carrier's or a signed-in customer's address; the excess is dropped unread.",
        ge=1,
    )
    strangers_requests: int = setting(
        2000,
        "Messages that all sources nobody knows may send together in source_window_s; the excess is dropped "
        "unread, so that a flood from many addresses leaves carriers and customers their share. Down to a "
        "32nd of it while the node is later than a quarter of overload_lag_ms.",
        ge=1,
    )
    source_window_s: float = setting(2.0, "See source_requests.", gt=0)
    ban_failures: int = setting(
        10, "Wrong passwords from one source within ban_window_s after which it is banned.", live=True, ge=3
    )
    ban_window_s: float = setting(60.0, "See ban_failures.", live=True, gt=0)
    ban_s: float = setting(300.0, "How long a ban lasts.", gt=0)
    guarded_prefixes: Prefixes = setting(
        GUARDED,
        "Numbers that no account may call unless `trunkline account limit KEY --allow PREFIX` names the "
        "prefix or a longer one: by default satellite systems, international networks and known premium-rate "
        "ranges. An empty list guards none.",
        live=True,
    )
    spike_calls: int = setting(
        60,
        "An account that places more calls than this within 60 minutes, and more than spike_factor times "
        "those of its busiest hour in the last week, raises an alarm. `trunkline account set KEY --alarm` "
        "says what comes of it.",
        live=True,
        ge=1,
    )
    spike_factor: float = setting(4.0, "See spike_calls.", live=True, ge=1)
    overload_lag_ms: float = setting(
        200.0,
        "A growing share of new calls is answered 503 while the node is later than this, and a shrinking one "
        "once it is less than half as late. Calls that are up, and emergencies (Priority), go on.",
        live=True,
        gt=0,
    )


class Registrar(Section):
    """How long the registration of a device lasts."""

    min_expires_s: int = setting(60, "A shorter wish is refused with 423.", ge=1, le=3600)
    default_expires_s: int = setting(3600, "For a device that names no time.", ge=1)
    max_expires_s: int = setting(7200, "Longer wishes are shortened to this.", ge=1)
    max_contacts: int = setting(10, "Devices that may be registered for one account.", ge=1, le=1000)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.min_expires_s <= self.default_expires_s <= self.max_expires_s:
            raise ValueError("min_expires_s, default_expires_s and max_expires_s must be in ascending order")
        return self


class Http(Section):
    """Health and metrics for machines, and the socket that the command line talks to."""

    bind: ListenAddress = setting(
        SocketAddress("127.0.0.1", 8080),
        "Address of /healthz, /readyz and /metrics. It asks for no password: keep it private.",
    )
    control_socket: Path | None = setting(
        None,
        "Unix socket of the command line. Default: control.sock in data_dir.",
        example='"/run/trunkline/control.sock"',
    )


class Web(Section):
    """The dashboard and the API, in a process of their own beside the node."""

    enabled: bool = setting(
        True, "Run it with the node. `trunkline web` runs it alone, for instance under a service of its own."
    )
    bind: ListenAddress = setting(SocketAddress("127.0.0.1", 8088), "Address of the dashboard and the API.")
    tls: bool = setting(
        False,
        "Serve HTTPS with tls.certificate and tls.private_key. Without it, keep `bind` on loopback and put a "
        "proxy with a certificate in front.",
    )
    public_url: str | None = setting(
        None,
        "How browsers and programs reach it, for links and cookies. Default: from `bind` and `tls`.",
        example='"https://trunk.example.com"',
        pattern=r"^https?://[^/\s]+$",
    )
    trusted_proxies: IpAddresses = setting(
        ("127.0.0.1", "::1"),
        "Proxies whose X-Forwarded-For and X-Forwarded-Proto are believed.",
    )
    session_s: float = setting(43200.0, "A browser is signed out after this long.", gt=0, le=2_592_000)
    sign_in_failures: int = setting(
        10, "Wrong passwords from one address, or for one name, within a minute; then it has to wait.", ge=3
    )
    api_requests_per_minute: int = setting(
        600, "Requests to the API of one user or account within a minute; more are answered 429.", ge=1
    )
    webhooks_private: bool = setting(
        False,
        "Send webhooks to loopback, private and link-local addresses too. For customers you trust like "
        "yourself.",
    )

    @property
    def url(self) -> str:
        """`public_url`, or its default."""
        if self.public_url is not None:
            return self.public_url
        return f"{'https' if self.tls else 'http'}://{self.bind}"

    @property
    def readable(self) -> bool:
        """Whether it takes passwords and tokens from the internet over plain HTTP."""
        return self.bind.exposed and not self.tls


class Database(Section):
    """Accounts, numbers, carriers, routes and call records."""

    url: SecretStr | None = setting(
        None,
        "Where they are: a PostgreSQL database, which several nodes may share, or an SQLite file. "
        "Default: trunkline.db in data_dir.",
        example='"postgresql+psycopg://trunkline:PASSWORD@db.example.com/trunkline"',
    )
    keep_calls_days: int | None = setting(
        None,
        "Call records older than this are deleted. Default: they are kept.",
        live=True,
        ge=1,
        example="400",
    )


class Live(Section):
    """What several nodes share while they run: the limits of accounts, bans, registrations, health."""

    url: LiveUrl | None = setting(
        None,
        "Where Valkey or Redis is: valkey:// or redis://, with TLS valkeys:// or rediss://. Default: this "
        "node shares nothing, and limits hold for it alone. ?ssl_ca_certs=FILE names an authority.",
        example='"valkey://:PASSWORD@valkey.example.net:6379/0"',
    )
    timeout_ms: int = setting(
        150,
        "An answer that takes longer counts as none. Calls are then admitted by this node's share of each "
        "limit until the server answers again.",
        ge=20,
        le=2000,
    )
    lease_s: float = setting(
        6.0, "The calls of a node that has died count no longer after so many seconds.", ge=2, le=120
    )


class Dns(Section):
    """How names of endpoints and carriers are looked up (RFC 3263)."""

    nameservers: IpAddresses = setting(
        (), "Resolvers to ask. Default: those of /etc/resolv.conf.", example='["127.0.0.53"]'
    )
    port: int = setting(53, "The port of those resolvers.", ge=1, le=65535)
    timeout_s: float = setting(
        3.0, "Time to find the addresses behind one name, all queries together.", gt=0, le=30
    )


class Zone(Section):
    """The DNS records that `trunkline dns` writes for the edges."""

    name_servers: Hosts = setting(
        (),
        "The servers of the service domain's own zone, for SOA and NS; the first is the primary. They are of "
        "another domain. Default: records alone, for a zone that exists.",
        example='["ns1.example.net", "ns2.example.net"]',
    )
    contact: str | None = setting(
        None,
        "The mail address in the SOA. Default: hostmaster at the service domain.",
        pattern=r"^[A-Za-z0-9._+-]{1,64}@[A-Za-z0-9.-]{1,200}$",
        example='"dns@example.net"',
    )
    ttl_s: int = setting(
        60, "How long resolvers keep a record, and go on leading clients to a lost edge.", ge=1, le=86400
    )


class Drain(Section):
    """A node that is told to stop takes no new calls and lets the others end."""

    timeout_s: float = setting(3600.0, "Calls that are still up after this long are ended.", live=True, ge=0)


class Pstn(Section):
    """The simulated carrier: numbers that echo, ring, are busy or fail. For trials and tests."""

    enabled: bool = setting(False, "Run it inside this node.")
    bind: ListenAddress = setting(
        SocketAddress("127.0.0.1", 5070),
        "Its SIP address (UDP). Where that is a carrier's gateway, calls from the same address count as the "
        "carrier's: 127.0.0.2:5070 leaves 127.0.0.1 to a phone on this machine and to `trunkline dial`.",
    )


class Edge(Section):
    """One named edge of the service, for `trunkline dns` and the published address list."""

    name: str = setting(
        ..., "Its host name below service.domain, such as sip-us1.", min_length=1, max_length=63
    )
    region: RegionName = setting(..., "Edges of one region are preferred together.")
    addresses: IpAddresses = setting(..., "Its public IP addresses.", min_length=1)
    weight: int = setting(100, "Its share of the calls beside the others of its region.", ge=1, le=65535)
    transports: SipTransports = setting(
        ("udp", "tcp", "tls"),
        "What clients are led to it by, as far as nodes listen for it; a front without TLS leaves tls out.",
        min_length=1,
    )
