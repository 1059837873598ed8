"""The small values of single headers: CSeq, RAck, Session-Expires, Min-SE, Reason, and plain numbers.

RFC 3261 §20.16 and §20.19, RFC 3262 §7, RFC 4028 §4 and §5, RFC 3326 §2. The properties of `message` read
through these.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

from trunkline.sip import limits
from trunkline.sip.errors import SipSyntaxError
from trunkline.sip.grammar import LWS, TOKEN, Params, parse_params, split_list, unquote

_CSEQ = re.compile(rf"([0-9]{{1,20}})[ \t]++({TOKEN}++)").fullmatch
_RACK = re.compile(rf"([0-9]{{1,20}})[ \t]++([0-9]{{1,20}})[ \t]++({TOKEN}++)").fullmatch
_DIGITS = re.compile(r"[0-9]{1,20}").fullmatch
_DELTA = re.compile(r"([0-9]{1,20})[ \t]*+(;.*)?").fullmatch


class CSeq(NamedTuple):
    """RFC 3261 §20.16."""

    number: int
    method: str

    def __str__(self) -> str:
        return f"{self.number} {self.method}"


class RAck(NamedTuple):
    """RFC 3262 §7.2: the RSeq and CSeq of the provisional response that a PRACK acknowledges."""

    rseq: int
    cseq: int
    method: str

    def __str__(self) -> str:
        return f"{self.rseq} {self.cseq} {self.method}"


class SessionExpires(NamedTuple):
    """RFC 4028 §4."""

    seconds: int
    refresher: str | None
    """`uac`, `uas`, or None when not said."""

    def __str__(self) -> str:
        return str(self.seconds) if self.refresher is None else f"{self.seconds};refresher={self.refresher}"


class Reason(NamedTuple):
    """One value of a Reason header (RFC 3326)."""

    protocol: str
    """Upper case: `SIP`, `Q.850`."""
    cause: int | None
    text: str | None
    """Unquoted."""


def parse_cseq(value: str) -> CSeq:
    """Read a CSeq value. Raises `SipSyntaxError`; the number must be less than 2**31 (RFC 3261 §8.1.1.5)."""
    match = _CSEQ(value)
    if match is None:
        raise SipSyntaxError("CSeq", "malformed")
    number = int(match[1])
    if number > limits.CSEQ_MAX:
        raise SipSyntaxError("CSeq", "sequence number out of range")
    return CSeq(number, match[2])


def parse_rack(value: str) -> RAck:
    """Read a RAck value. Raises `SipSyntaxError`."""
    match = _RACK(value)
    if match is None or int(match[1]) > limits.RSEQ_MAX or int(match[2]) > limits.CSEQ_MAX:
        raise SipSyntaxError("RAck", "malformed")
    return RAck(int(match[1]), int(match[2]), match[3])


def parse_number(value: str, name: str, maximum: int) -> int:
    """Read a header that is one number from 0 to `maximum`. Raises `SipSyntaxError` naming the header."""
    if not _DIGITS(value) or int(value) > maximum:
        raise SipSyntaxError(name, "not a number in range")
    return int(value)


def parse_delta(value: str, name: str) -> tuple[int, Params]:
    """Read a header that is seconds with parameters. Raises `SipSyntaxError` naming the header."""
    match = _DELTA(value)
    if match is None or int(match[1]) > limits.DELTA_SECONDS_MAX:
        raise SipSyntaxError(name, "not a number of seconds")
    return int(match[1]), parse_params(match[2] or "", name)


def read_reasons(lines: Iterable[str]) -> list[Reason]:
    """The values of Reason lines (RFC 3326 §2) that can be read, in order; none of absurdly many."""
    reasons: list[Reason] = []
    try:
        elements = split_list(",".join(lines))
    except SipSyntaxError:
        return reasons
    for element in elements:
        protocol, semicolon, rest = element.partition(";")
        try:
            params = parse_params(semicolon + rest, "Reason")
        except SipSyntaxError:
            continue
        cause = params.get("cause")
        text = params.get("text")
        reasons.append(
            Reason(
                protocol.strip(LWS).upper(),
                int(cause) if cause and _DIGITS(cause) else None,
                None if text is None else unquote(text),
            )
        )
    return reasons
