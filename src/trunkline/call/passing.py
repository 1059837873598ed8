"""Which header fields pass from one leg to the other, and which the service writes itself.

A back-to-back user agent starts each leg afresh (RFC 7092 §3.1): nothing crosses unless named here. `X-`
fields cross in INVITE and BYE, the service's own `X-Trunkline-` ones never do. The identity fields (From,
P-Asserted-Identity, Privacy) are decided by `trunkline.trunk.caller_id`.

A value with a NUL in it, which a quoted string may hold (RFC 3261 §25.1, RFC 4475 §3.1.1.2), does not cross:
it can't be sent (`trunkline.sip.headers`), and a field that is only passed on must not cost a call.
"""

from trunkline.errors import SdpError
from trunkline.sdp.errors import (
    NoCommonCodecError,
    SdpRefusedError,
    SdpSyntaxError,
    UnsupportedProfileError,
    UnusableCryptoError,
)
from trunkline.sip.errors import SipSyntaxError
from trunkline.sip.failures import RequestFailure
from trunkline.sip.grammar import split_list
from trunkline.sip.message import Message, Response
from trunkline.trunk.verdict import Slug, Verdict

Field = tuple[str, str]
"""A header field: name and value."""

_OURS = "x-trunkline-"
_PASSING_REASONS = frozenset({"SIP", "Q.850"})

_UNDERLYING_CAUSE = {Slug.ALL_SILENT: 408, Slug.NO_ANSWER: 408}
"""A verdict told under a status of its own keeps the status of what really happened in Reason."""

_WARN_CODES = {Slug.SRTP_UNAVAILABLE: 302, Slug.BAD_SDP: 399}
"""RFC 3261 §20.43: incompatible transport protocol, miscellaneous; of all other refusals of media 305,
incompatible media format.
"""

_SUBJECTS = {
    405: ("Allow",),
    415: ("Accept", "Accept-Encoding", "Accept-Language"),
    420: ("Unsupported",),
    422: ("Min-SE",),
}
"""The header fields that these statuses have to have."""


def extension_fields(message: Message) -> list[Field]:
    """The `X-` fields of an INVITE or BYE that the other leg is to see, spelt as they came."""
    return [
        (name, value)
        for name, value in message.headers.unknown_fields()
        if name[:2] in ("X-", "x-") and not name.lower().startswith(_OURS) and _can_be_sent(value)
    ]


def reason_fields(message: Message) -> list[Field]:
    """The Reason values of a BYE or CANCEL that the other leg may see: protocols SIP and Q.850 (RFC 3326
    §2). None of absurdly many.
    """
    try:
        values = [value for line in message.headers.all("reason") for value in split_list(line)]
    except SipSyntaxError:
        return []
    return [
        ("Reason", value)
        for value in values
        if value.partition(";")[0].strip().upper() in _PASSING_REASONS and _can_be_sent(value)
    ]


def _can_be_sent(value: str) -> bool:
    return "\0" not in value


def verdict_fields(verdict: Verdict) -> list[Field]:
    """Reason, Retry-After and Warning for a refusal: the slug in Reason's text is the stable error id (RFC
    3326 §2).
    """
    cause = _UNDERLYING_CAUSE.get(verdict.slug, verdict.status)
    fields = [("Reason", f'SIP;cause={cause};text="{verdict.slug}"')]
    if verdict.q850 is not None:
        fields.append(("Reason", f"Q.850;cause={verdict.q850}"))
    if verdict.retry_after_s is not None:
        fields.append(("Retry-After", str(verdict.retry_after_s)))
    return fields


def quoted(text: str) -> str:
    """`text` as a quoted-string (RFC 3261 §25.1) with everything unprintable taken out."""
    safe = "".join(character if character.isprintable() else " " for character in text)
    return '"' + safe.replace("\\", "\\\\").replace('"', '\\"') + '"'


def warning_field(code: int, agent: str, text: str) -> Field:
    """A Warning (RFC 3261 §20.43): `code` 3xx, `agent` the service's host name."""
    return ("Warning", f"{code} {agent} {quoted(text)}")


def media_warning(verdict: Verdict, agent: str) -> Field:
    """For a 488 of ours: what in the description could not be used."""
    return warning_field(_WARN_CODES.get(verdict.slug, 305), agent, verdict.detail or verdict.text)


def _subject_fields(response: Response) -> list[Field]:
    """What a refusal of the far end is about, where its status means nothing without (RFC 3261 §21.4.6,
    §21.4.13, §21.4.15; RFC 4028 §6).
    """
    names = _SUBJECTS.get(response.status, ())
    return [(name, value) for name in names for value in response.headers.all(name) if _can_be_sent(value)]


def refusal(verdict: Verdict, response: Response | None, agent: str) -> tuple[int, str | None, list[Field]]:
    """Status, phrase and header fields of the final answer to a caller. The far end's refusal in `response`
    keeps its phrase, its Warning and what it is about. An end that is no refusal by itself (an operator's) is
    told as 480.
    """
    headers = verdict_fields(verdict)
    reason = None
    if response is not None and response.status == verdict.status:
        reason = response.reason
        warnings = response.headers.all("warning")
        headers += [("Warning", value) for value in warnings if _can_be_sent(value)]
        headers += _subject_fields(response)
    if verdict.status == 488 and response is None:
        headers.append(media_warning(verdict, agent))
    return (verdict.status if verdict.status >= 300 else 480), reason, headers


def relayed_refusal(why: Response | RequestFailure) -> tuple[int, list[Field]]:
    """Status and header fields to refuse a request within a call with, when the far end has refused it so. A
    challenge is one of us (RFC 3261 §22), and told as 403 here as before the answer. A 408 or 481 is about
    the far dialog, and would end the one on this side (§12.2.1.2), and a 487 answers our own CANCEL: 504. A
    422 is about the interval that we ask for (RFC 4028 §7.3): 500.
    """
    if isinstance(why, RequestFailure) or why.status in (408, 481, 487):
        return 504, []
    if why.status == 422:
        return 500, []
    return (403 if why.status in (401, 407) else why.status), _subject_fields(why)


def sdp_warning(error: SdpError, agent: str) -> Field:
    """For a 488 within a call."""
    code = error.warn_code if isinstance(error, SdpRefusedError | SdpSyntaxError) else 399
    return warning_field(code, agent, str(error))


def sdp_slug(error: SdpError) -> Slug:
    """The cause that a description which can't be used stands for."""
    if isinstance(error, NoCommonCodecError):
        return Slug.CODEC_MISMATCH
    if isinstance(error, UnsupportedProfileError | UnusableCryptoError):
        return Slug.SRTP_UNAVAILABLE
    return Slug.BAD_SDP


def answer_slug(error: SdpError) -> Slug:
    """Why an answer that can't be used ends a call."""
    slug = sdp_slug(error)
    return slug if slug is Slug.SRTP_UNAVAILABLE else Slug.CODEC_MISMATCH
