"""Why a call ended, or was never begun: one value that every reader shares.

The call record, the metrics, the failover rule, `trunkline explain` and the dashboard all read the same
`Verdict`; none of them looks at a SIP status to guess. The set of slugs is closed: each has a fault, a
default status and Q.850 cause, and words for a person. The slug is the stable error id that callers see in
the Reason header (RFC 3326).
"""

from dataclasses import dataclass, replace
from enum import Enum, StrEnum
from typing import NamedTuple


class Fault(StrEnum):
    """Whose side the cause lies on."""

    NOBODY = "nobody"
    CALLER = "caller"
    CUSTOMER = "customer"
    ENDPOINT = "endpoint"
    CARRIER = "carrier"
    NETWORK = "network"
    SERVICE = "service"


class _Kind(NamedTuple):
    slug: str
    fault: Fault
    status: int
    q850: int | None
    text: str
    remedy: str


class Slug(Enum):
    """Every way a call can end. `text` says what happened; `remedy` what to change (both for a person)."""

    # ended as calls do
    ANSWERED = _Kind("answered", Fault.NOBODY, 200, 16, "The call was answered and ended normally.", "")
    CANCELLED = _Kind("cancelled", Fault.NOBODY, 487, 16, "The caller hung up before an answer.", "")
    BUSY = _Kind("busy", Fault.NOBODY, 486, 17, "The far end is busy.", "")
    DECLINED = _Kind("declined", Fault.NOBODY, 603, 21, "The far end declined the call.", "")
    NO_ANSWER = _Kind(
        "no-answer", Fault.NOBODY, 486, 19, "It rang, and nobody answered in time.", "Raise the ring timer."
    )
    # the caller's request
    MALFORMED_REQUEST = _Kind(
        "malformed-request",
        Fault.CALLER,
        400,
        111,
        "The SIP request is malformed, or asks for what is not supported.",
        "See the Warning header.",
    )
    MALFORMED_NUMBER = _Kind(
        "malformed-number",
        Fault.CALLER,
        484,
        28,
        "The dialled number is not an E.164 number.",
        "Dial country code and number, 7 to 15 digits, with or without + or 00.",
    )
    HOP_LIMIT = _Kind(
        "hop-limit", Fault.CALLER, 483, 25, "Max-Forwards reached zero.", "Look for a routing loop."
    )
    LOOP = _Kind(
        "loop", Fault.CALLER, 482, 25, "The call came back to where it had been.", "Look for a routing loop."
    )
    BAD_CREDENTIALS = _Kind(
        "bad-credentials",
        Fault.CUSTOMER,
        403,
        57,
        "The digest credentials are wrong.",
        "Check key and secret in the PBX: username = API key, password = API secret.",
    )
    NOT_ALLOWED = _Kind(
        "not-allowed",
        Fault.CUSTOMER,
        603,
        21,
        "The account does not allow this request.",
        "Let the operator allow it for the account, or don't send it.",
    )
    CODEC_MISMATCH = _Kind(
        "codec-mismatch",
        Fault.CALLER,
        488,
        65,
        "No codec of the offer is supported on the way.",
        "Allow PCMA or PCMU in the trunk's codec list.",
    )
    BAD_SDP = _Kind(
        "bad-sdp", Fault.CALLER, 488, 95, "The session description can't be used.", "See the Warning header."
    )
    # the account
    ACCOUNT_BLOCKED = _Kind(
        "account-blocked", Fault.CUSTOMER, 403, 21, "The account is blocked.", "Ask the operator."
    )
    CALL_LIMIT = _Kind(
        "call-limit",
        Fault.CUSTOMER,
        503,
        34,
        "The account has as many calls up as it may.",
        "Ask the operator to raise the account's limit.",
    )
    NUMBERS_BUSY = _Kind(
        "numbers-busy",
        Fault.CUSTOMER,
        486,
        17,
        "The account's numbers have as many calls up as the account's limit lets them.",
        "Wait until one has ended, or ask the operator to raise the account's limit.",
    )
    RATE_LIMIT = _Kind(
        "rate-limit",
        Fault.CUSTOMER,
        503,
        42,
        "The account places calls faster than it may.",
        "Slow down, or ask the operator to raise the limit.",
    )
    MINUTES_LIMIT = _Kind(
        "minutes-limit",
        Fault.CUSTOMER,
        503,
        42,
        "The account has used up its minutes for the day.",
        "Ask the operator to raise the limit.",
    )
    COST_LIMIT = _Kind(
        "cost-limit",
        Fault.CUSTOMER,
        503,
        42,
        "The account has spent what it may spend on calls in a day.",
        "Ask the operator to raise the limit.",
    )
    DESTINATION_FORBIDDEN = _Kind(
        "destination-forbidden",
        Fault.CUSTOMER,
        403,
        21,
        "The account may not call this destination.",
        "Ask the operator to allow the prefix.",
    )
    CALLER_ID_FORBIDDEN = _Kind(
        "caller-id-forbidden",
        Fault.CUSTOMER,
        403,
        21,
        "The caller ID is not a number of the account.",
        "Send one of the account's own numbers in From.",
    )
    # finding the way
    NO_ROUTE = _Kind(
        "no-route",
        Fault.SERVICE,
        404,
        3,
        "No carrier serves this destination.",
        "Add a route for its prefix.",
    )
    UNKNOWN_NUMBER = _Kind(
        "unknown-number",
        Fault.CALLER,
        404,
        1,
        "The call came from a carrier, and no account has this number.",
        "Add the number. If it was a customer's call out, it came from an address of that carrier's "
        "(`trunkline carrier list`): take it out of the carrier's sources, or call from another.",
    )
    NO_FORWARDING = _Kind(
        "no-forwarding",
        Fault.CUSTOMER,
        480,
        20,
        "The number is not forwarded anywhere.",
        "Set Forward to SIP.",
    )
    NOT_REGISTERED = _Kind(
        "not-registered",
        Fault.ENDPOINT,
        480,
        20,
        "No device is registered for the account.",
        "Check the registration.",
    )
    REGISTERED_OTHERWISE = _Kind(
        "registered-otherwise",
        Fault.ENDPOINT,
        480,
        20,
        "No device of the account is registered over the transport that the forwarding entry asks for.",
        "Register the device over that transport, or take transport= or sips: out of the entry.",
    )
    FORWARDS_TO_GATEWAY = _Kind(
        "forwards-to-gateway",
        Fault.CUSTOMER,
        503,
        27,
        "The forwarding entry, or the registered device that it stands for, is at a carrier's gateway.",
        "Forward to the PBX itself. An operator whose carrier is also a host of endpoints sets "
        "forwarding.to_gateways.",
    )
    SRTP_UNAVAILABLE = _Kind(
        "srtp-unavailable",
        Fault.CUSTOMER,
        488,
        79,
        "One side wants its audio encrypted and the other does not, or its keys can't be used.",
        "Compare the account's or carrier's SRTP setting with the peer's; offer AES_CM_128_HMAC_SHA1_80.",
    )
    # a failed attempt
    ENDPOINT_SILENT = _Kind(
        "endpoint-silent",
        Fault.ENDPOINT,
        408,
        18,
        "The far end did not answer the INVITE at all.",
        "Check the address and the firewall in front of it.",
    )
    ALL_SILENT = _Kind(
        "all-silent",
        Fault.ENDPOINT,
        486,
        18,
        "No endpoint of the list answered.",
        "Check addresses and firewalls.",
    )
    UNREACHABLE = _Kind(
        "unreachable",
        Fault.NETWORK,
        503,
        27,
        "The far end can't be reached.",
        "Check address, port and firewall.",
    )
    NAME_NOT_FOUND = _Kind(
        "name-not-found", Fault.NETWORK, 503, 3, "The host name does not resolve.", "Check its DNS."
    )
    TLS_FAILED = _Kind(
        "tls-failed", Fault.NETWORK, 503, 27, "The TLS handshake failed.", "Check certificate and versions."
    )
    SERVER_FAILURE = _Kind(
        "server-failure", Fault.ENDPOINT, 500, 41, "The far end failed (5xx).", "See its own log."
    )
    REFUSED = _Kind(
        "refused", Fault.ENDPOINT, 403, 21, "The far end refused the call (4xx or 6xx).", "See its own log."
    )
    REDIRECTED = _Kind(
        "redirected",
        Fault.ENDPOINT,
        302,
        23,
        "The far end redirected; redirects are not followed.",
        "Forward to the address that it named, or end the redirection there.",
    )
    CHALLENGED = _Kind(
        "challenged",
        Fault.ENDPOINT,
        403,
        57,
        "The far end asks for a password.",
        "Let the PBX trust the published addresses instead (insecure=invite, identify, ACL).",
    )
    NOT_FOUND = _Kind(
        "not-found",
        Fault.ENDPOINT,
        404,
        1,
        "The far end does not know the number.",
        "Check the number dialled.",
    )
    UNAVAILABLE = _Kind(
        "unavailable",
        Fault.ENDPOINT,
        480,
        18,
        "The far end is not available at the moment.",
        "See whether the device is on and registered with its PBX.",
    )
    FAR_END_TIMED_OUT = _Kind(
        "far-end-timed-out",
        Fault.ENDPOINT,
        408,
        102,
        "The far end gave up waiting for something behind it (408).",
        "See its own log.",
    )
    ABANDONED = _Kind("abandoned", Fault.NOBODY, 487, 16, "Left before it answered: the call had ended.", "")
    # the caller's leg
    INVITE_EXPIRED = _Kind(
        "invite-expired",
        Fault.CALLER,
        487,
        102,
        "Nobody answered in the time that the caller's INVITE gave (Expires).",
        "Raise Expires in the caller, or leave it out.",
    )
    NO_PRACK = _Kind(
        "no-prack",
        Fault.CALLER,
        504,
        102,
        "A provisional response was never acknowledged (PRACK).",
        "Check NAT and Contact, or take 100rel out of what the caller supports.",
    )
    # within an answered call
    MEDIA_TIMEOUT = _Kind(
        "media-timeout",
        Fault.NETWORK,
        408,
        102,
        "No audio arrived for too long.",
        "Check NAT and firewall for RTP. A PBX that forwards to another node needs directmedia=no.",
    )
    SRTP_KEY_SPENT = _Kind(
        "srtp-key-spent",
        Fault.ENDPOINT,
        488,
        79,
        "The key of one side's encrypted audio had served for its lifetime, and that side made no new one.",
        "Let that side leave the lifetime out of its crypto line, or send a new key when it is re-invited.",
    )
    SESSION_EXPIRED = _Kind(
        "session-expired",
        Fault.NETWORK,
        408,
        102,
        "The session was not refreshed (RFC 4028).",
        "Look for a dead PBX.",
    )
    NO_ACK = _Kind(
        "no-ack", Fault.CALLER, 408, 102, "The answer was never acknowledged.", "Check NAT and Contact."
    )
    MAX_DURATION = _Kind(
        "max-duration",
        Fault.SERVICE,
        200,
        16,
        "The call reached its longest duration.",
        "Raise outbound.max_duration_s.",
    )
    HUNG_UP_BY_OPERATOR = _Kind(
        "hung-up-by-operator",
        Fault.SERVICE,
        200,
        16,
        "The call was ended by hand, on the dashboard, the command line or the API.",
        "Ask the operator, or whoever signs in for the account.",
    )
    # the service
    DRAINING = _Kind("draining", Fault.SERVICE, 503, 42, "The node takes no new calls.", "Try another edge.")
    OVERLOADED = _Kind(
        "overloaded", Fault.SERVICE, 503, 42, "The node has too much to do.", "Try another edge."
    )
    NO_MEDIA_PORTS = _Kind(
        "no-media-ports",
        Fault.SERVICE,
        503,
        34,
        "No media port is free.",
        "Widen media.port_min to media.port_max.",
    )
    INBOUND_LIMIT = _Kind(
        "inbound-limit",
        Fault.SERVICE,
        503,
        34,
        "The account's numbers have as many calls up as those of one account may on a node.",
        "Try another edge. If the account is to have more, raise limits.inbound_share.",
    )
    SHUT_DOWN = _Kind(
        "shut-down",
        Fault.SERVICE,
        503,
        41,
        "The node was shut down.",
        "Place it again; to let calls end by themselves, drain the node before it is stopped.",
    )
    CRASHED = _Kind(
        "crashed",
        Fault.SERVICE,
        500,
        41,
        "The node stopped without ending the call.",
        "Place it again; the node's log says why it stopped.",
    )
    INTERNAL_ERROR = _Kind(
        "internal-error", Fault.SERVICE, 500, 41, "A fault in the service.", "Report it with the log."
    )

    def __str__(self) -> str:
        return self.value.slug


@dataclass(frozen=True, slots=True)
class Verdict:
    """How one call or attempt ended.

    `status` is the SIP status told to the caller (or received from the far end), `reason` its phrase, `q850`
    the cause of ITU-T Q.850 (None when there is none), `detail` a line for this very case ("carrier a: 503
    Service Unavailable").
    """

    slug: Slug
    status: int
    q850: int | None
    detail: str = ""
    retry_after_s: int | None = None

    @classmethod
    def of(
        cls, slug: Slug, *, status: int | None = None, detail: str = "", retry_after_s: int | None = None
    ) -> "Verdict":
        """The verdict of `slug` with its own status and cause, unless `status` is given."""
        kind = slug.value
        return cls(slug, kind.status if status is None else status, kind.q850, detail, retry_after_s)

    def answered_as(self, status: int) -> "Verdict":
        """The same cause under another SIP status."""
        return replace(self, status=status)

    def in_words(self) -> str:
        """Status, cause, this case, remedy and error id, as sentences for a person."""
        sentences = [f"{self.status}: {self.text}"]
        if self.detail:
            sentences.append(f"{self.detail[0].upper()}{self.detail[1:]}.")
        if self.remedy:
            sentences.append(self.remedy)
        return f"{' '.join(sentences)} ({self.slug})"

    @property
    def fault(self) -> Fault:
        return self.slug.value.fault

    @property
    def text(self) -> str:
        """What happened, in one sentence."""
        return self.slug.value.text

    @property
    def remedy(self) -> str:
        """What to change, or an empty string."""
        return self.slug.value.remedy
