"""Which addresses and URLs a webhook may be sent to.

A customer chooses the URL, so it must not reach what only this machine or its network may: loopback, private,
link-local and carrier-grade NAT addresses, multicast, the unspecified address and other special ones, also
when they are written as IPv6 (IPv4-mapped, NAT64). Of IPv6 only global unicast addresses are allowed, 6to4
and Teredo not. `web.webhooks_private` allows all but multicast and the unspecified address.
"""

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final
from urllib.parse import urlsplit

from trunkline.web.errors import InvalidError

MAX_URL: Final = 2048
_NAT64: Final = IPv6Network("64:ff9b::/96")
"""RFC 6052 §2.1: the last 32 bits are an IPv4 address."""
_GLOBAL_UNICAST: Final = IPv6Network("2000::/3")
"""What IANA has given out of IPv6 (RFC 3587 §3)."""


class WebhookUrlError(InvalidError):
    """A URL that nothing can be sent to."""


def may_be_reached(address: str, *, private: bool) -> bool:
    """Whether a webhook may connect to an IP address; `private`: special ones too."""
    found = _meant(ip_address(address.partition("%")[0]))
    if found.is_multicast or found.is_unspecified:
        return False
    return private or (found.is_global and (found.version == 4 or found in _GLOBAL_UNICAST))


def check_url(url: str, *, private: bool) -> None:
    """Raise `WebhookUrlError` unless `url` is one of HTTP or HTTPS, without a password, of a host that may be
    reached as far as it can be told without DNS."""
    if len(url) > MAX_URL or not url.isascii() or not url.isprintable() or " " in url:
        raise WebhookUrlError(f"the URL is up to {MAX_URL} printable ASCII characters without spaces")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise WebhookUrlError(f"the URL can't be read: {error}") from None
    if parts.scheme not in ("http", "https") or not host or port == 0:
        raise WebhookUrlError("the URL begins with https:// or http:// and names a host")
    if parts.username is not None or parts.password is not None:
        raise WebhookUrlError("the URL has no user name; the signature says who sends")
    if parts.fragment:
        raise WebhookUrlError("the URL has no fragment (#…): it is never sent")
    try:
        reachable = may_be_reached(host, private=private)
    except ValueError:
        reachable = private or not _is_local_name(host)
    if not reachable:
        raise WebhookUrlError(
            f"{host[:100]} is not a public address; the operator can allow it with web.webhooks_private"
        )


def _meant(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address in an IPv6 one that is only another way to write it."""
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address


def _is_local_name(host: str) -> bool:
    name = host.rstrip(".").lower()
    return name == "localhost" or name.endswith((".localhost", ".local", ".internal"))
