"""The kinds of values that settings have besides numbers and text: addresses, host names, URLs, lists of
them, tones.

Each checks what it is given and says what it allows. From the environment a list comes as text joined by
commas, or as JSON.
"""

import ipaddress
import json
import re
from collections.abc import Callable
from typing import Annotated, Literal, NamedTuple
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, PlainValidator, SecretStr
from pydantic_settings import NoDecode

from trunkline.errors import DirectoryError
from trunkline.trunk.e164 import checked_prefix


def _joined(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class SocketAddress(NamedTuple):
    """An IP address (IPv6 without brackets) and a port, written `0.0.0.0:5060` or `[::]:5060`."""

    host: str
    port: int

    def __str__(self) -> str:
        return _joined(self.host, self.port)

    @property
    def exposed(self) -> bool:
        """Whether a listener there can be reached from the internet, as far as an address tells: a public
        one, or every one of the machine."""
        address = ipaddress.ip_address(self.host)
        return address.is_global or address.is_unspecified


class NamedAddress(NamedTuple):
    """A host name or an IP address (IPv6 without brackets), and a port from 1 up, written
    `homer.example.net:9060` or `[2001:db8::1]:9060`."""

    host: str
    port: int

    def __str__(self) -> str:
        return _joined(self.host, self.port)


class RtpengineAddress(NamedTuple):
    """Where an rtpengine takes commands, its share of the calls, and the region that it stands in:
    `udp:127.0.0.1:2223;weight=1;region=us`.
    """

    transport: Literal["udp", "tcp", "http"]
    address: SocketAddress
    weight: int = 1
    region: str | None = None
    """None: it is as near to every node."""

    def __str__(self) -> str:
        where = "" if self.region is None else f";region={self.region}"
        return f"{self.transport}:{self.address};weight={self.weight}{where}"


def _socket_address(value: object) -> SocketAddress:
    if isinstance(value, SocketAddress):
        return value
    host, _, port = str(value).strip().rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise ValueError("must be address:port with IPv6 in brackets, such as 0.0.0.0:5060 or [::]:5060")
    if not (port.isascii() and port.isdigit() and int(port) < 65536):
        raise ValueError("must be address:port with a port of 0 to 65535, such as 0.0.0.0:5060 or [::]:5060")
    return SocketAddress(_ip_address(host), int(port))


def _named_address(value: object) -> NamedAddress:
    if isinstance(value, NamedAddress):
        return value
    host, _, port = str(value).strip().rpartition(":")
    if not host or (":" in host and not host.startswith("[")):
        raise ValueError("must be host:port with IPv6 in brackets, such as homer.example.net:9060")
    if not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise ValueError("must be host:port with a port of 1 to 65535, such as homer.example.net:9060")
    return NamedAddress(_host(host), int(port))


def _rtpengine_address(value: object) -> RtpengineAddress:
    if isinstance(value, RtpengineAddress):
        return value
    form = (
        "must be transport:address:port;weight=n;region=name, such as udp:127.0.0.1:2223 or "
        "tcp:[::1]:2224;weight=2;region=us"
    )
    place, *parameters = str(value).strip().split(";")
    transport, _, address = place.partition(":")
    weight, region = 1, None
    said = set()
    for parameter in parameters:
        name, _, text = (part.strip() for part in parameter.partition("="))
        if name in said:
            raise ValueError(f"{name} must be said once")
        said.add(name)
        if name == "weight" and re.fullmatch("[0-9]{1,4}", text):
            weight = int(text)
        elif name == "region" and text:
            region = _region(text)
        else:
            raise ValueError(form)
    if not 1 <= weight <= 1000:
        raise ValueError("the weight must be 1 to 1000")
    match transport.lower():
        case "udp" | "tcp" | "http" as known:
            return RtpengineAddress(known, _socket_address(address), weight, region)
        case _:
            raise ValueError(form)


def _ip_address(value: str) -> str:
    try:
        return str(ipaddress.ip_address(value.strip()))
    except ValueError:
        raise ValueError("must be an IP address, not a name") from None


def _host(value: str) -> str:
    """An IP address or a host name, lower case (RFC 3261 §25.1 `host`; IPv6 without brackets, names without
    a final dot).
    """
    text = value.strip().lower().removeprefix("[").removesuffix("]")
    if ":" in text or text.replace(".", "").isdigit():
        return _ip_address(text)
    text = text.removesuffix(".")
    labels = text.split(".")
    if len(text) > 253 or not all(
        0 < len(label) < 64
        and label.strip("-") == label
        and label.replace("-", "").isalnum()
        and label.isascii()
        for label in labels
    ):
        raise ValueError("must be a host name or an IP address")
    return text


def _told(version: int) -> Callable[[str], str]:
    """What peers of one IP version are told to come to: an address has to be of it, and not a wildcard."""

    def check(host: str) -> str:
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return host
        if address.version != version or address.is_unspecified:
            raise ValueError(f"an address here must be of IPv{version}, and one that peers can reach")
        return host

    return check


def _region(value: str) -> str:
    """A label of a host name (RFC 1123 §2.1), since the region has a name below the service domain."""
    text = value.strip().lower()
    if not re.fullmatch(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", text, re.ASCII):
        raise ValueError("must be letters, digits and hyphens, such as us or eu-west")
    return text


class Cadence(NamedTuple):
    """A tone that comes and goes, written `425:1000/4000`: one or two frequencies in Hz (`440+480`), then
    milliseconds on and off.
    """

    frequencies_hz: tuple[float, ...]
    on_ms: int
    off_ms: int

    def __str__(self) -> str:
        tone = "+".join(f"{frequency:g}" for frequency in self.frequencies_hz)
        return f"{tone}:{self.on_ms}/{self.off_ms}"


_CADENCE = re.compile(r"([0-9]{2,4})(?:\+([0-9]{2,4}))?:([0-9]{1,5})/([0-9]{1,5})", re.ASCII)


def _cadence(value: object) -> Cadence:
    if isinstance(value, Cadence):
        return value
    match = _CADENCE.fullmatch(str(value).strip())
    if match is None:
        raise ValueError("must be Hz[+Hz]:ms/ms, such as 425:1000/4000 or 440+480:2000/4000")
    frequencies = tuple(float(text) for text in match.group(1, 2) if text)
    on_ms, off_ms = int(match[3]), int(match[4])
    if not all(50 <= frequency <= 3900 for frequency in frequencies) or not on_ms or not off_ms:
        raise ValueError("must be of 50 to 3900 Hz, and both on and off for a while")
    return Cadence(frequencies, on_ms, off_ms)


def _prefix(value: str) -> str:
    try:
        digits = checked_prefix(value)
    except DirectoryError as error:
        raise ValueError(str(error)) from None
    if not digits:
        raise ValueError("must be the first digits of numbers")
    return digits


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


def _live_url(value: SecretStr) -> SecretStr:
    """A URL of Valkey or Redis. What is wrong with it is said without it: it may hold a password."""
    form = (
        "must be valkey://[USER[:PASSWORD]@]HOST[:PORT][/NUMBER], or redis://, "
        "with TLS valkeys:// or rediss://"
    )
    try:
        parts = urlsplit(value.get_secret_value().strip())
        port = parts.port
    except ValueError:
        raise ValueError(form) from None
    number = parts.path.removeprefix("/")
    if (
        parts.scheme not in ("valkey", "valkeys", "redis", "rediss")
        or not parts.hostname
        or port == 0
        or not (number == "" or (number.isascii() and number.isdigit()))
    ):
        raise ValueError(form)
    return value


IpAddress = Annotated[str, AfterValidator(_ip_address)]
AddressOfIpv4 = Annotated[IpAddress, AfterValidator(_told(4))]
AddressOfIpv6 = Annotated[IpAddress, AfterValidator(_told(6))]
Host = Annotated[str, AfterValidator(_host)]
HostOfIpv4 = Annotated[Host, AfterValidator(_told(4))]
HostOfIpv6 = Annotated[Host, AfterValidator(_told(6))]
RegionName = Annotated[str, AfterValidator(_region)]
LiveUrl = Annotated[SecretStr, AfterValidator(_live_url)]
ToneCadence = Annotated[Cadence, NoDecode, PlainValidator(_cadence)]
ListenAddress = Annotated[SocketAddress, NoDecode, PlainValidator(_socket_address)]
HostAndPort = Annotated[NamedAddress, NoDecode, PlainValidator(_named_address)]
ListenAddresses = Annotated[tuple[ListenAddress, ...], NoDecode, BeforeValidator(_listed)]
RtpengineAddresses = Annotated[
    tuple[Annotated[RtpengineAddress, NoDecode, PlainValidator(_rtpengine_address)], ...],
    NoDecode,
    BeforeValidator(_listed),
]
Hosts = Annotated[tuple[Host, ...], NoDecode, BeforeValidator(_listed)]
IpAddresses = Annotated[tuple[IpAddress, ...], NoDecode, BeforeValidator(_listed)]
Prefixes = Annotated[tuple[Annotated[str, AfterValidator(_prefix)], ...], NoDecode, BeforeValidator(_listed)]
SipTransports = Annotated[tuple[Literal["udp", "tcp", "tls"], ...], NoDecode, BeforeValidator(_listed)]
DigestAlgorithms = Annotated[tuple[Literal["MD5", "SHA-256"], ...], NoDecode, BeforeValidator(_listed)]
