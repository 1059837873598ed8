"""The forwarding list of a number: what a customer types under "Forward to SIP" (BEHAVIOUR §3).

The field takes comma-separated SIP URIs, tried in order: `user@host`, `sip:` and `sips:`, each with
`;timeout=` (ms), `;transport=` and `;media=srtp`. This module reads and checks it; what happens when an
endpoint fails is `hunt`, and the order of a real call is `plan`.
"""

from dataclasses import dataclass
from enum import StrEnum

from trunkline.sip.uri import SipUri

MIN_TIMEOUT_MS = 2000
MAX_TIMEOUT_MS = 20000
MAX_ENDPOINTS = 10


class MediaProtection(StrEnum):
    """Whether an endpoint's audio is encrypted (`;media=srtp`)."""

    RTP = "rtp"
    SRTP = "srtp"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One entry of a forwarding list."""

    uri: SipUri
    """The Request-URI to send: without our parameters `timeout` and `media`, which never reach the wire."""
    timeout_ms: int | None = None
    """Silence for this long moves a call to the next endpoint, 2000 to 20000; None:
    `forwarding.default_timeout_ms`."""
    media: MediaProtection = MediaProtection.RTP
    text: str = ""
    """The entry as it was typed, for records and displays."""


@dataclass(frozen=True, slots=True)
class ForwardingList:
    """Endpoints in the order in which they are tried, at most 10."""

    endpoints: tuple[Endpoint, ...] = ()
    warnings: tuple[str, ...] = ()
    """What the customer should be told on saving, in words."""
    text: str = ""
    """The whole field as typed."""

    def __bool__(self) -> bool:
        return bool(self.endpoints)


NOT_FORWARDED = ForwardingList()
