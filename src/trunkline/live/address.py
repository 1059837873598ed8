"""Where the server of the live state is, as it may be shown and judged: the URL without its secrets."""

from ipaddress import ip_address
from urllib.parse import urlsplit


def shown(url: str) -> str:
    """The URL without user, password and parameters."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def is_encrypted(url: str) -> bool:
    """Whether the scheme asks for TLS."""
    return urlsplit(url).scheme in ("valkeys", "rediss")


def is_local(url: str) -> bool:
    """Whether it leads to this machine, by its words."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
