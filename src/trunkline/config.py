"""The settings of a node: one TOML file, overridden by `TRUNKLINE_…` environment variables.

Every setting is declared once, here, with its unit in its name and its meaning beside it; `trunkline init`
renders the commented settings file from these declarations (`trunkline.config_file`). Absence is None: no
number means "off". Unknown keys are fatal, whether they come from the file or from the environment.

`TRUNKLINE_SIP__UDP=0.0.0.0:5060,[::]:5060` is `udp` of `[sip]`: section and key joined by two underscores,
lists joined by commas (or written as JSON). `TRUNKLINE_CONFIG` names the file and is not a setting.

What a bound address is, is not what peers are told: `sip.udp` … are bound, `sip.advertised_host` is written
into Via and Contact, `media.bind_address` and `media.advertised_address` do the same for RTP. What is not
here: accounts, numbers, carriers and routes live in the database (`trunkline.store`).
"""

import ipaddress
import json
import socket
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings.exceptions import SettingsError as PydanticSettingsError

from trunkline.config_file import Problem, SettingsError, explain_environment, explain_validation, render

ENVIRONMENT_PREFIX = "TRUNKLINE_"


class SocketAddress(NamedTuple):
    """An IP address (IPv6 without brackets) and a port, written `0.0.0.0:5060` or `[::]:5060`."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def _socket_address(value: object, default_port: int | None = None) -> SocketAddress:
    if isinstance(value, SocketAddress):
        return value
    text = str(value).strip()
    host, separator, port = text.rpartition(":")
    if default_port is not None and (
        not separator or text.endswith("]") or (text.count(":") > 1 and "[" not in text)
    ):
        host, port = text, str(default_port)
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host and default_port is None:
        raise ValueError("must be address:port with IPv6 in brackets, such as 0.0.0.0:5060 or [::]:5060")
    if not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise ValueError("must be address:port with a port of 1 to 65535, such as 0.0.0.0:5060 or [::]:5060")
    return SocketAddress(_ip_address(host), int(port))


def _server_address(value: object) -> SocketAddress:
    return _socket_address(value, 53)


def _ip_address(value: str) -> str:
    try:
        return str(ipaddress.ip_address(value.strip()))
    except ValueError:
        raise ValueError("must be an IP address, not a name") from None


def _host(value: str) -> str:
    """An IP address or a host name, lower case (RFC 3261 §25.1 `host`; IPv6 without brackets)."""
    text = value.strip().lower().removeprefix("[").removesuffix("]")
    if ":" in text or text.replace(".", "").isdigit():
        return _ip_address(text)
    labels = text.removesuffix(".").split(".")
    if len(text) > 253 or not all(
        0 < len(label) < 64
        and label.strip("-") == label
        and label.replace("-", "").isalnum()
        and label.isascii()
        for label in labels
    ):
        raise ValueError("must be a host name or an IP address")
    return text


def _listed(value: object) -> object:
    """A comma-separated string (from the environment) as a list; JSON when it starts like JSON."""
    if not isinstance(value, str):
        return value
    text = value.strip()
    if text.startswith("["):
        try:
            return json.loads(text)
        except json.JSONDecodeError:
            pass
    return [part.strip() for part in text.split(",") if part.strip()]


IpAddress = Annotated[str, AfterValidator(_ip_address)]
Host = Annotated[str, AfterValidator(_host)]
ListenAddress = Annotated[SocketAddress, NoDecode, PlainValidator(_socket_address)]
ListenAddresses = Annotated[tuple[ListenAddress, ...], NoDecode, BeforeValidator(_listed)]
ServerAddresses = Annotated[
    tuple[Annotated[SocketAddress, PlainValidator(_server_address)], ...], NoDecode, BeforeValidator(_listed)
]
IpAddresses = Annotated[tuple[IpAddress, ...], NoDecode, BeforeValidator(_listed)]


def _setting(default: Any, description: str, *, live: bool = False, example: str = "", **bounds: Any) -> Any:
    """A documented setting. `live`: a reload (SIGHUP) applies it to new calls; others wait for a restart."""
    return Field(
        default=default,
        description=description,
        json_schema_extra={"live": live, "example": example},
        **bounds,
    )


class Section(BaseModel):
    """A table of the settings file."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class Service(Section):
    """What customers know the service as."""

    domain: Host = _setting(
        "sip.example.net",
        "The name that customers send INVITEs to. It is also the digest realm and the host of From and To in "
        "forwarded calls. Changing it makes every stored password useless: they are hashed with the realm.",
    )
    product: str = _setting(
        "Trunkline", "The product named in Server and User-Agent.", min_length=1, max_length=64
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
    region: str | None = _setting(None, "Where it stands, for the DNS plan.", example='"us"')
    data_dir: Path = _setting(
        Path("/var/lib/trunkline"),
        "Holds the SQLite database, the key file, the control socket and spilled records.",
    )


class Sip(Section):
    """Where SIP is spoken. What is bound is not what peers are told: see advertised_host."""

    udp: ListenAddresses = _setting((SocketAddress("0.0.0.0", 5060),), "UDP addresses to bind.")
    tcp: ListenAddresses = _setting((SocketAddress("0.0.0.0", 5060),), "TCP addresses to bind.")
    tls: ListenAddresses = _setting((SocketAddress("0.0.0.0", 5061),), "TLS addresses to bind.")
    advertised_host: Host | None = _setting(
        None,
        "The host written into Via and Contact towards IPv4 peers: this node's public address or name. "
        "Default: the bound address, or the address of the route to the peer where all addresses are bound.",
        example='"203.0.113.10"',
    )
    advertised_host_ipv6: Host | None = _setting(
        None, "The same towards IPv6 peers.", example='"2001:db8::10"'
    )


class Tls(Section):
    """Certificates and versions for SIP over TLS. Certificates of clients are not asked for."""

    certificate: Path | None = _setting(
        None,
        "PEM file with this node's certificate and its chain. Default: tls-certificate.pem in data_dir.",
        example='"/etc/trunkline/tls-certificate.pem"',
    )
    private_key: Path | None = _setting(
        None,
        "PEM file with its private key. Default: tls-key.pem in data_dir.",
        example='"/etc/trunkline/tls-key.pem"',
    )
    min_version: Literal["1.0", "1.1", "1.2", "1.3"] = _setting(
        "1.0", "Lowest TLS version accepted and offered. Connections below 1.2 are warned about in the log."
    )
    verify_outbound: bool = _setting(
        False,
        "Refuse sips: endpoints whose certificate does not match their name. Carriers have a setting each.",
    )


class Media(Section):
    """RTP: every call's audio passes through this node."""

    engine: Literal["embedded"] = _setting("embedded", "The media engine: embedded is the built-in one.")
    port_min: int = _setting(10000, "First UDP port for RTP; even.", ge=1024, le=65534, multiple_of=2)
    port_max: int = _setting(20000, "Last UDP port for RTP and RTCP.", ge=1025, le=65535)
    bind_address: IpAddress = _setting("0.0.0.0", "IPv4 address to bind RTP ports on.")
    bind_address_ipv6: IpAddress | None = _setting(
        None, "IPv6 address to bind RTP ports on. Default: no RTP over IPv6.", example='"::"'
    )
    advertised_address: IpAddress | None = _setting(
        None,
        "IPv4 address written into SDP. Default: sip.advertised_host when that is an address, else "
        "bind_address, or the address of the default route where all addresses are bound.",
        example='"203.0.113.10"',
    )
    advertised_address_ipv6: IpAddress | None = _setting(
        None, "IPv6 address written into SDP. Default: as for IPv4.", example='"2001:db8::10"'
    )
    timeout_s: float = _setting(
        60.0,
        "A call is ended after this long without any RTP, both ways, unless it is on hold.",
        gt=0,
        le=86400,
    )
    threads: int | None = _setting(
        None, "Threads that relay packets. Default: one for each processor.", ge=1, le=256, example="2"
    )
    allow_loopback: bool = _setting(
        False, "Send RTP to loopback addresses that a peer's SDP names. Only for tests on one machine."
    )

    @model_validator(mode="after")
    def _room_for_a_call(self) -> Self:
        if self.port_max - self.port_min < 3:
            raise ValueError("port_max must be at least port_min + 3: a call needs four ports")
        return self


class Forwarding(Section):
    """Inbound calls: how the endpoints of a number's list are tried in turn."""

    trying_counts: bool = _setting(
        True,
        "A 100 Trying stops an endpoint's timeout. Set false for PBXs behind a proxy that sends 100 itself.",
        live=True,
    )
    timeout_status: int = _setting(
        486, "Answer to the caller when no endpoint of the list answered.", live=True, ge=400, le=699
    )
    ring_timeout_s: float = _setting(
        60.0, "An endpoint that rings this long ends the call.", live=True, gt=0, le=600
    )
    default_timeout_ms: int = _setting(
        5000,
        "Silence after which the next endpoint is tried, for URIs without ;timeout=.",
        live=True,
        ge=2000,
        le=20000,
    )
    pings: bool = _setting(True, "Ask every endpoint and gateway for its health with OPTIONS.", live=True)
    ping_interval_s: float = _setting(
        30.0, "Seconds between two pings to the same one.", live=True, ge=1, le=3600
    )
    health_failures: int = _setting(
        3, "An endpoint or gateway counts as down when this many …", live=True, ge=1, le=100
    )
    health_window: int = _setting(
        5, "… of its last so many pings and attempts failed.", live=True, ge=1, le=100
    )

    @model_validator(mode="after")
    def _failures_fit(self) -> Self:
        if self.health_failures > self.health_window:
            raise ValueError("health_failures must not be larger than health_window")
        return self


class Outbound(Section):
    """Calls from customers to carriers."""

    attempt_timeout_ms: int = _setting(
        5000, "Silence after which the next gateway is tried.", live=True, ge=500, le=32000
    )
    ring_timeout_s: float = _setting(120.0, "A call that rings this long is ended.", live=True, gt=0, le=600)
    max_duration_s: float = _setting(
        14400.0, "A call that lasts this long is ended.", live=True, gt=0, le=604800
    )


class SessionTimer(Section):
    """RFC 4028: dead calls are noticed because both sides refresh living ones."""

    interval_s: int = _setting(1800, "Session-Expires that is asked for.", live=True, ge=90, le=86400)
    min_se_s: int = _setting(
        90, "Min-SE: a shorter interval is refused with 422.", live=True, ge=90, le=86400
    )

    @model_validator(mode="after")
    def _interval_allowed(self) -> Self:
        if self.interval_s < self.min_se_s:
            raise ValueError("interval_s must be at least min_se_s")
        return self


class Limits(Section):
    """What the node takes before it says no. Limits of an account are set on the account."""

    max_calls: int | None = _setting(
        None,
        "Calls at once on this node; above it, 503. Default: as many as media ports allow.",
        live=True,
        ge=1,
        example="1000",
    )
    source_messages_per_s: float = _setting(
        100.0,
        "SIP messages a second taken from one unknown source address; more are dropped unread.",
        live=True,
        gt=0,
    )
    source_burst: int = _setting(
        400, "Messages that one source may send at once on top of that.", live=True, ge=1
    )
    ban_failures: int = _setting(
        10, "Wrong passwords from one source, within ban_window_s, after which it is banned.", live=True, ge=3
    )
    ban_window_s: float = _setting(60.0, "See ban_failures.", live=True, gt=0)
    ban_s: float = _setting(600.0, "How long a ban lasts.", live=True, gt=0)
    overload_lag_ms: float = _setting(
        200.0, "New calls are answered 503 while the node lags this much behind.", live=True, gt=0
    )


class Http(Section):
    """Health and metrics for machines, and the socket that the command line talks to."""

    bind: ListenAddress = _setting(
        SocketAddress("127.0.0.1", 8080),
        "Address of /health and /metrics. It asks for no password: keep it private.",
    )
    control_socket: Path | None = _setting(
        None,
        "Unix socket of the command line. Default: control.sock in data_dir.",
        example='"/run/trunkline/control.sock"',
    )


class Database(Section):
    """Accounts, numbers, carriers, routes and call records."""

    url: SecretStr | None = _setting(
        None,
        "SQLAlchemy URL. Default: the SQLite file trunkline.db in data_dir.",
        example='"sqlite:////var/lib/trunkline/trunkline.db"',
    )
    keep_calls_days: int | None = _setting(
        None,
        "Call records older than this are deleted. Default: they are kept.",
        live=True,
        ge=1,
        example="400",
    )


class Log(Section):
    """What the node writes to standard error."""

    level: Literal["debug", "info", "warning", "error"] = _setting(
        "info", "The least that is written.", live=True
    )
    format: Literal["json", "console"] = _setting("console", "json for machines, console for people.")


class Ladder(Section):
    """The SIP messages of each call, kept for `trunkline call` and the dashboard."""

    keep_s: float = _setting(604800.0, "How long messages are kept.", live=True, gt=0)
    max_bytes: int = _setting(
        1_000_000_000, "Disk space for them; the oldest go first.", live=True, ge=1_000_000
    )


class Dns(Section):
    """How names of endpoints and carriers are looked up (RFC 3263)."""

    nameservers: ServerAddresses = _setting(
        (),
        "Resolvers to ask, as address or address:port. Default: those of /etc/resolv.conf.",
        example='["127.0.0.53"]',
    )
    timeout_s: float = _setting(3.0, "Time for one name, all its queries together.", gt=0, le=30)


class Drain(Section):
    """A node that is told to stop takes no new calls and lets the others end."""

    timeout_s: float = _setting(3600.0, "Calls that are still up after this long are ended.", live=True, ge=0)


class Pstn(Section):
    """The simulated carrier: numbers that echo, ring, are busy or fail. For trials and tests."""

    enabled: bool = _setting(False, "Run it inside this node.")
    bind: ListenAddress = _setting(SocketAddress("127.0.0.1", 5070), "Its SIP address (UDP).")


class Edge(Section):
    """One named edge of the service, for `trunkline dns` and the published address list."""

    name: str = _setting(
        ..., "Its host name below service.domain, such as sip-us1.", min_length=1, max_length=63
    )
    region: str = _setting(..., "Edges of one region are preferred together.", min_length=1)
    addresses: IpAddresses = _setting(..., "Its public IP addresses.", min_length=1)


class Change(NamedTuple):
    """One setting that differs between two loads. Secrets are shown as `**********`."""

    key: str
    old: object
    new: object
    needs_restart: bool


class Settings(BaseSettings):
    """Every setting of a node, checked. Immutable: a reload makes a new one and `diff` tells what changed."""

    model_config = SettingsConfigDict(
        env_prefix=ENVIRONMENT_PREFIX,
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
    )

    service: Service = Service()
    node: Node = Field(default_factory=Node)
    sip: Sip = Sip()
    tls: Tls = Tls()
    media: Media = Media()
    forwarding: Forwarding = Forwarding()
    outbound: Outbound = Outbound()
    session_timer: SessionTimer = SessionTimer()
    limits: Limits = Limits()
    http: Http = Http()
    database: Database = Database()
    log: Log = Log()
    ladder: Ladder = Ladder()
    dns: Dns = Dns()
    drain: Drain = Drain()
    pstn: Pstn = Pstn()
    edges: tuple[Edge, ...] = _setting(
        (),
        "The named edges, one [[edges]] table each, for `trunkline dns` and the published addresses.",
        live=True,
        example='[[edges]]\nname = "sip-us1"\nregion = "us"\naddresses = ["203.0.113.10", "2001:db8::10"]',
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 (pydantic-settings passes all five by name)
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over the file."""
        return env_settings, init_settings

    @classmethod
    def load(cls, path: Path | None) -> Self:
        """Read `path` (None: the defaults) and the environment.

        Raises `SettingsError`, which names every key that is unknown or wrong, with its line.
        """
        text = ""
        if path is not None:
            try:
                text = path.read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError) as error:
                reason = getattr(error, "strerror", None) or str(error)
                raise SettingsError(
                    [Problem("", f"{path} can't be read: {reason}", str(path), None)]
                ) from error
        return cls.parse(text, "the settings" if path is None else str(path))

    @classmethod
    def parse(cls, text: str, source: str = "the settings") -> Self:
        """As `load`, from the text of a settings file; `source` names it in errors."""
        try:
            values = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise SettingsError([Problem("", f"not valid TOML: {error}", source, None)]) from None
        problems = explain_environment(cls, ENVIRONMENT_PREFIX)
        try:
            settings = cls(**values)
        except (ValidationError, PydanticSettingsError) as error:
            problems += explain_validation(cls, error, text, source, ENVIRONMENT_PREFIX)
        if problems:
            raise SettingsError(problems)
        return settings

    @property
    def certificate(self) -> Path:
        """`tls.certificate`, or its default."""
        return self.tls.certificate or self.node.data_dir / "tls-certificate.pem"

    @property
    def private_key(self) -> Path:
        """`tls.private_key`, or its default."""
        return self.tls.private_key or self.node.data_dir / "tls-key.pem"

    @property
    def control_socket(self) -> Path:
        """`http.control_socket`, or its default."""
        return self.http.control_socket or self.node.data_dir / "control.sock"

    @property
    def database_url(self) -> str:
        """`database.url`, or its default. May hold a password."""
        if self.database.url is not None:
            return self.database.url.get_secret_value()
        return f"sqlite:///{self.node.data_dir / 'trunkline.db'}"

    @property
    def key_file(self) -> Path:
        """The key that carriers' passwords are encrypted with in the database."""
        return self.node.data_dir / "secret.key"


def _leaves(settings: Settings) -> Iterator[tuple[str, object, bool]]:
    for section_name, section_field in Settings.model_fields.items():
        value = getattr(settings, section_name)
        if not isinstance(value, Section):
            yield section_name, value, _is_live(section_field)
            continue
        for name, field in type(value).model_fields.items():
            yield f"{section_name}.{name}", getattr(value, name), _is_live(field)


def _is_live(field: FieldInfo) -> bool:
    extra = field.json_schema_extra
    return isinstance(extra, dict) and extra["live"] is True


def diff(old: Settings, new: Settings) -> list[Change]:
    """What a reload changes, in the order of the settings file; `needs_restart` tells what it can't apply."""
    return [
        Change(key, before, after, not live)
        for (key, before, live), (_, after, _) in zip(_leaves(old), _leaves(new), strict=True)
        if before != after
    ]


def render_default(values: Mapping[str, object] | None = None) -> str:
    """A commented settings file: every setting with its meaning; `values` set, the rest commented out.

    `values` maps `section.key` to a value; `edges` to a list of tables.
    """
    return render(Settings, values or {})
