"""`a=crypto`: keys for SRTP within a session description (RFC 4568).

Reads and writes the attribute (§9), says which line of an offer to take (§5.1.2, §7.1.2) and whether an
answer took ours (§5.1.3, §7.1.3). Whether a leg wants SRTP at all, and what a mismatch means for a call, is
decided where offers are made; the keys at work are in the media engine; randomness is passed in.

One suite: AES_CM_128_HMAC_SHA1_80 (§6.2.1). A line that is malformed, or asks for what isn't done here, can't
be used; the next one may. Not done: other suites, several keys in one line, a key derivation rate (§6.3.1),
any UNENCRYPTED_ or UNAUTHENTICATED_ (§6.3.2, §6.3.3), keys for FEC (§6.3.5).

Deliberate deviation, pinned by a test: a key that appears in two lines of an offer is taken all the same
(§6.1: some telephones offer one key for two suites), since one of them only is used.

Every bound is here. All work is linear in the size of a line, of which a description holds a bounded number.
"""

import re
from base64 import b64decode, b64encode
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from trunkline.sdp.errors import UnusableCryptoError

SUITE = "AES_CM_128_HMAC_SHA1_80"
KEY_AND_SALT_OCTETS = 30
"""Master key of 16 octets, then master salt of 14 (RFC 4568 §6.2.1)."""
MAX_MKI_OCTETS = 128
MAX_LINE = 512

_LINE = re.compile(
    r"(?P<tag>0|[1-9][0-9]{0,8})[ \t]+(?P<suite>[A-Za-z0-9_]+)[ \t]+(?P<keys>[!-~]+)"
    r"(?P<parameters>(?:[ \t]+[!-~]+)*)[ \t]*",
    re.ASCII,
)
_TAG = re.compile(r"(?:0|[1-9][0-9]{0,8})(?=[ \t])", re.ASCII)
_KEY = re.compile(
    r"inline:(?P<key>[A-Za-z0-9+/]{40})={0,2}(?:\|(?P<lifetime>2\^[1-9][0-9]?|[1-9][0-9]{0,14}))?"
    r"(?:\|(?P<mki>[1-9][0-9]{0,308}):(?P<mki_octets>[1-9][0-9]{0,2}))?",
    re.ASCII | re.IGNORECASE,
)
_HARMLESS_PARAMETER = re.compile(
    r"-[!-~]+|FEC_ORDER=FEC_SRTP|WSH=(?:6[4-9]|[7-9][0-9]|[1-9][0-9]{2,8})", re.ASCII | re.IGNORECASE
)
"""Optional extensions (§6.3.7), a default that only matters with FEC (§6.3.4), a hint (§6.3.6)."""
_UNPROTECTED = ("UNENCRYPTED_SRTP", "UNENCRYPTED_SRTCP", "UNAUTHENTICATED_SRTP")
LONGEST_LIFETIME = 2**48
"""SRTP packets that a key of the suite serves (RFC 4568 §6.2.1); of SRTCP it is 2**31."""


@dataclass(frozen=True, slots=True)
class CryptoLine:
    """One `a=crypto` line that can be used: what its writer protects its packets with."""

    tag: int
    key_and_salt: bytes = field(repr=False)
    """`KEY_AND_SALT_OCTETS` octets."""
    lifetime: int = LONGEST_LIFETIME
    """The packets of SRTP, and those of SRTCP, that the key serves are each less (§6.1)."""
    mki: bytes = b""
    """What the writer's packets carry before their authentication tag (RFC 3711 §3.1); empty: nothing."""


def read_line(value: str) -> CryptoLine:
    """Read what follows `a=crypto:`. Raises `UnusableCryptoError`, which never repeats any of the key."""
    if len(value) > MAX_LINE:
        raise UnusableCryptoError(f"a crypto line is longer than {MAX_LINE} characters")
    match = _LINE.fullmatch(value)
    if match is None:
        raise UnusableCryptoError("a crypto line is malformed")
    if match["suite"].upper() != SUITE:
        raise UnusableCryptoError(f"{SUITE} is the only crypto suite")
    lifetime, mki, key_and_salt = _read_key(match["keys"])
    for parameter in match["parameters"].split():
        if parameter.upper() in _UNPROTECTED:
            raise UnusableCryptoError("a crypto line asks to leave packets unprotected")
        if not _HARMLESS_PARAMETER.fullmatch(parameter):
            raise UnusableCryptoError("a crypto line has an unsupported session parameter")
    return CryptoLine(int(match["tag"]), key_and_salt, lifetime, mki)


def _read_key(keys: str) -> tuple[int, bytes, bytes]:
    if ";" in keys:
        raise UnusableCryptoError("a crypto line has more than one key")
    match = _KEY.fullmatch(keys)
    if match is None:
        raise UnusableCryptoError(f"a crypto line has no inline key of {KEY_AND_SALT_OCTETS} octets")
    lifetime = LONGEST_LIFETIME
    if (text := match["lifetime"]) is not None:
        lifetime = 1 << int(text[2:]) if text.startswith("2^") else int(text)
        if lifetime > LONGEST_LIFETIME:
            raise UnusableCryptoError("the lifetime of a key is longer than its suite allows")
    mki = b""
    if (number := match["mki"]) is not None:
        octets = int(match["mki_octets"])
        if octets > MAX_MKI_OCTETS or int(number).bit_length() > 8 * octets:
            raise UnusableCryptoError("a master key identifier has an impossible length")
        mki = int(number).to_bytes(octets)
    return lifetime, mki, b64decode(match["key"])


def read_crypto(values: Sequence[str]) -> list[CryptoLine]:
    """Those of one media section's lines that can be used, in the order in which they are preferred (§5.1.1).

    Lines that share a tag can't: an answer could not say which of them it took (§4.1).
    """
    tags = Counter(match[0] for value in values if (match := _TAG.match(value)))
    lines: list[CryptoLine] = []
    for value in values:
        try:
            line = read_line(value)
        except UnusableCryptoError:
            continue
        if tags[str(line.tag)] == 1:
            lines.append(line)
    return lines


def choose(values: Sequence[str]) -> CryptoLine:
    """The line of an offer to accept: the first that can be used (§5.1.2).

    Raises `UnusableCryptoError` where there is none, in the words of the first line: the stream is to be
    rejected then.
    """
    if lines := read_crypto(values):
        return lines[0]
    for value in values:
        read_line(value)
    raise UnusableCryptoError("two crypto lines share a tag" if values else "there is no crypto line")


def match_answer(values: Sequence[str], tag: int, key_and_salt: bytes) -> CryptoLine:
    """The peer's line in its answer to an offer of `our_line(tag, key_and_salt)` (§5.1.3, §7.1.3).

    Raises `UnusableCryptoError` when the answer doesn't take that very line: the negotiation has failed then.
    """
    if len(values) != 1:
        raise UnusableCryptoError("an answer needs exactly one crypto line")
    line = read_line(values[0])
    if line.tag != tag:
        raise UnusableCryptoError("an answer's crypto line has a tag that was not offered")
    if line.key_and_salt == key_and_salt:
        raise UnusableCryptoError("an answer's crypto line repeats our own key")
    return line


def our_line(tag: int, key_and_salt: bytes) -> str:
    """`crypto:…`, an attribute for `LocalAudio.offer` or `LocalAudio.answer`.

    `tag` is 1 for an offer, that of the line chosen for an answer. `key_and_salt` is `KEY_AND_SALT_OCTETS`
    random octets that were never used before (§6.1, §7.1.2).
    """
    if len(key_and_salt) != KEY_AND_SALT_OCTETS:
        raise ValueError(f"key and salt are {KEY_AND_SALT_OCTETS} octets together")
    return f"crypto:{tag} {SUITE} inline:{b64encode(key_and_salt).decode('ascii')}"
