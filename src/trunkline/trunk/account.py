"""An account: a customer's key, secrets, and what it may do. Everything here is checked when it is made.

Secrets are kept as the HA1 of each digest algorithm (RFC 7616 §3.4.2), never in plain. The decisions that
follow from an account live beside the matter: `limits`, `destinations`, `caller_id`, `plan`.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from trunkline.errors import DirectoryError
from trunkline.sdp.codecs import CODEC_NAMES, canonical_codec_name
from trunkline.trunk.e164 import checked_prefix, normalise
from trunkline.trunk.media_policy import DtmfMode, MediaPolicy, SrtpPolicy

MAX_LIMIT = 2**31 - 1
"""Of calls and minutes, and of what they cost `MAX_COST`: more is given to no account. What was given before
there was a bound counts on."""
MAX_COST = 1_000_000.0

_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", re.ASCII)
_HA1_MD5 = re.compile(r"[0-9a-f]{32}", re.ASCII)
_HA1_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)


class AccountStatus(StrEnum):
    """A blocked account authenticates, and is then refused with 403."""

    ACTIVE = "active"
    BLOCKED = "blocked"


class CallerIdPolicy(StrEnum):
    """Which caller ID an account may present."""

    ANY = "any"
    """Whatever it sends, as the service always did."""
    OWNED = "owned"
    """Only its own numbers; anything else is refused with 403."""
    REPLACE = "replace"
    """Always `Account.caller_id_number`."""


class AlarmAction(StrEnum):
    """What comes of an alarm (`fraud`) about the account's calls."""

    OFF = "off"
    """Nothing is looked for."""
    NOTE = "note"
    """It is told."""
    BLOCK = "block"
    """It is told, and the account is blocked."""


class Ringback(StrEnum):
    """Who tells the caller that it rings."""

    FAR_END = "far-end"
    """The far end: its 180 and 183 are relayed as they come."""
    AT_ONCE = "at-once"
    """The service: 180 without SDP goes out with the first attempt, so that a caller doesn't hang up during
    failover."""
    TONE = "tone"
    """The service: a far end that rings without a sound of its own is heard as a ringback tone
    (`media.ringback`)."""


@dataclass(frozen=True, slots=True)
class Credential:
    """One secret of an account. Several are valid at a time while a secret is being changed."""

    ha1_md5: str
    """32 lower-case hexadecimal digits."""
    ha1_sha256: str
    """64 lower-case hexadecimal digits (RFC 8760)."""
    expires_at: float | None = None
    """Wall-clock second from which it no longer works; None: it doesn't expire."""
    name: str = ""
    """Tells it from every other secret that the account has or had."""

    def __post_init__(self) -> None:
        if _HA1_MD5.fullmatch(self.ha1_md5) is None or _HA1_SHA256.fullmatch(self.ha1_sha256) is None:
            raise DirectoryError(
                "a credential needs the HA1 of MD5 and of SHA-256, in lower-case hexadecimal"
            )

    def ha1(self, algorithm: str) -> str | None:
        """For `MD5` or `SHA-256`; None for another algorithm."""
        match algorithm.upper():
            case "MD5":
                return self.ha1_md5
            case "SHA-256":
                return self.ha1_sha256
        return None


@dataclass(frozen=True, slots=True)
class Account:
    """A customer. Raises `DirectoryError` when made with values that contradict each other."""

    key: str
    """The digest username: a letter or digit, then up to 63 letters, digits, `_`, `.`, `-`."""
    name: str = ""
    """For people."""
    status: AccountStatus = AccountStatus.ACTIVE
    credentials: tuple[Credential, ...] = ()
    caller_id_policy: CallerIdPolicy = CallerIdPolicy.ANY
    caller_id_number: str | None = None
    """E.164 digits, needed by and used with `CallerIdPolicy.REPLACE`."""
    max_concurrent: int | None = None
    """Outbound calls up at a time; None: no limit. 0 means none at all."""
    max_inbound: int | None = None
    """Calls to its numbers up at a time; None: no limit. 0 means none at all."""
    max_per_second: int | None = None
    """Outbound calls begun in any one second; None: no limit."""
    minutes_per_day: int | None = None
    """Answered outbound minutes in a UTC day; None: no limit."""
    cost_per_day: float | None = None
    """What they may cost, by the prices of the routes and in their currency; None: no limit."""
    allowed_prefixes: tuple[str, ...] = ()
    """E.164 prefixes that may be called; empty: all."""
    denied_prefixes: tuple[str, ...] = ()
    """E.164 prefixes that may not be called. The longer of two matching prefixes decides (`destinations`)."""
    codecs: tuple[str, ...] = CODEC_NAMES
    """What its own side of a call may use, preferred first; names of `sdp.codecs.CODEC_NAMES`."""
    transcoding: bool = True
    srtp: SrtpPolicy = SrtpPolicy.ALLOWED
    dtmf: DtmfMode = DtmfMode.AUTO
    refer_enabled: bool = False
    """REFER is declined with 603 otherwise."""
    ringback: Ringback = Ringback.FAR_END
    alarm: AlarmAction = AlarmAction.NOTE
    announcements: bool = False
    """Whether a refused caller hears why, where there is a recording for it (`media.announcements`)."""

    def __post_init__(self) -> None:
        check_key(self.key)
        if self.caller_id_number is not None and normalise(self.caller_id_number) != self.caller_id_number:
            raise DirectoryError(f"account {self.key}: the caller ID must be digits only")
        if self.caller_id_policy is CallerIdPolicy.REPLACE and self.caller_id_number is None:
            raise DirectoryError(f"account {self.key}: the caller ID policy 'replace' needs a number")
        for what, limit in (
            ("max_concurrent", self.max_concurrent),
            ("max_inbound", self.max_inbound),
            ("max_per_second", self.max_per_second),
            ("minutes_per_day", self.minutes_per_day),
            ("cost_per_day", self.cost_per_day),
        ):
            if limit is not None and not limit >= 0:
                raise DirectoryError(f"account {self.key}: {what} is negative; leave it out for no limit")
        for prefix in (*self.allowed_prefixes, *self.denied_prefixes):
            if not prefix or checked_prefix(prefix) != prefix:
                raise DirectoryError(f"account {self.key}: {prefix!r} is not a prefix of digits")
        check_codecs(self.codecs, f"account {self.key}")

    @property
    def blocked(self) -> bool:
        return self.status is AccountStatus.BLOCKED

    @property
    def media_policy(self) -> MediaPolicy:
        """For its own side of a call."""
        return MediaPolicy(self.codecs, self.transcoding, self.srtp, self.dtmf)

    def living(self, wall: float) -> tuple[Credential, ...]:
        """The credentials that are good at `wall` (seconds since the epoch)."""
        return tuple(item for item in self.credentials if item.expires_at is None or wall < item.expires_at)


def check_key(key: str) -> None:
    """Raise `DirectoryError` unless `key` can be an account key (or a carrier's name: the same rule)."""
    if _KEY.fullmatch(key) is None:
        raise DirectoryError(f"{key[:80]!r} is not a key: 1 to 64 letters, digits, '_', '.', '-'")


def check_codecs(codecs: tuple[str, ...], whose: str) -> None:
    """Raise `DirectoryError` unless `codecs` are one or more different supported codecs in canonical
    spelling."""
    if not codecs:
        raise DirectoryError(f"{whose}: at least one codec is needed")
    if len(set(codecs)) != len(codecs):
        raise DirectoryError(f"{whose}: a codec is named twice")
    for name in codecs:
        if canonical_codec_name(name) != name:
            raise DirectoryError(f"{whose}: unknown codec {name!r}; known are {', '.join(CODEC_NAMES)}")
