"""The media engine of test phones: on ports of its own, clear of the service's."""

from ipaddress import ip_address

from trunkline.media.embedded import EmbeddedEngine, EngineSettings

PORT_MIN, PORT_MAX = 30_000, 30_998
"""The service has 10000 to 20000."""


def phone_engine(local: str) -> EmbeddedEngine:
    """A media engine for phones on the IP address `local`. Raises `MediaError`."""
    ipv6 = ":" in local
    return EmbeddedEngine(
        EngineSettings(
            port_min=PORT_MIN,
            port_max=PORT_MAX + 1,
            bind_v4=None if ipv6 else local,
            bind_v6=local if ipv6 else None,
            allow_loopback=ip_address(local).is_loopback,
        )
    )
