"""What may never leave the process in readable form, and how it is blotted out.

Masked: the `response` and `rspauth` of Digest (RFC 7616 §3.4, §3.5: with them a secret can be guessed
offline), credentials of any other scheme whole, passwords in SIP URIs (RFC 3261 §19.1.1), SDES keys (RFC
4568 §6.1), MIKEY messages (RFC 4567 §3) and the key line of SDP (RFC 4566 §5.12). What lies in a body keeps
its length, so that Content-Length stays true.

Invariant: every pattern is linear in its input, which may be a whole hostile message.
"""

import re

MASK = "***"

SECRET_NAMES = (
    "secret",
    "password",
    "passphrase",
    "ha1",
    "authorization",
    "private_key",
    "master_key",
    "token",
)
"""A log field whose name ends in one of these has its whole value masked."""

_CREDENTIALS = re.compile(
    r"^((?:proxy-)?authorization[ \t]*:[ \t]*)([^\r\n]*(?:\r?\n[ \t][^\r\n]*)*)", re.IGNORECASE | re.MULTILINE
)
_PROOF_IN_CREDENTIALS = re.compile(r"\b(response[ \t]*=[ \t]*)(\"[^\"]*\"?|[^\s,]+)", re.IGNORECASE)
_PROOF_ANYWHERE = re.compile(r"\b((?:response|rspauth)=\"?)[0-9a-f]{32,128}", re.IGNORECASE)
_URI_PASSWORD = re.compile(r"\b(sips?:[^\s@:;<>\"]{1,256}:)[^\s@<>\"]{0,256}@", re.IGNORECASE)
_KEY_IN_BODY = re.compile(
    r"(\binline:|^a=key-mgmt:[^\s]{1,32}[ \t]|^k=[a-z0-9]{1,32}:)([^\s|;]{1,8192})",
    re.IGNORECASE | re.MULTILINE,
)

_NAMES_NOBODY = frozenset(
    b"via v call-id i cseq max-forwards content-type c content-length l allow supported k require "
    b"unsupported rseq rack reason warning retry-after session-expires x min-se accept expires date privacy "
    b"user-agent server".split()
)
"""Header fields that `mask_caller` leaves, in their compact forms too."""
_NAMING_IN_BODY = re.compile(rb"(?<=^o=)[^ \r\n]+|(?<=^[sieup]=)[^\r\n]+", re.MULTILINE)
"""Of SDP: the user in o=, and what the lines of session name, information, URI, e-mail address and telephone
number say."""


def _mask_credentials(match: re.Match[str]) -> str:
    name, value = match.groups()
    if value[:6].lower() != "digest":
        return f"{name}{MASK}"
    return name + _PROOF_IN_CREDENTIALS.sub(rf"\1{MASK}", value)


def mask_text(text: str) -> str:
    """Return `text` (a SIP message, a header, a log value) with every secret blotted out."""
    lowered = text.lower()  # most messages hold none of these words, and are looked through faster for them
    if "authorization" in lowered:
        text = _CREDENTIALS.sub(_mask_credentials, text)
    if "response=" in lowered or "rspauth=" in lowered:
        text = _PROOF_ANYWHERE.sub(rf"\1{MASK}", text)
    if "@" in lowered:
        text = _URI_PASSWORD.sub(rf"\1{MASK}@", text)
    if "inline:" in lowered or "key-mgmt:" in lowered or "k=" in lowered:
        text = _KEY_IN_BODY.sub(lambda match: match[1] + "*" * len(match[2]), text)
    return text


def mask_message(data: bytes) -> bytes:
    """Return one SIP message with its secrets blotted out, every other byte as it was."""
    return mask_text(data.decode("latin-1")).encode("latin-1")


def mask_caller(data: bytes, *, sent: bool) -> bytes:
    """Return a message of the caller's leg with all that may name the caller blotted out: every header field
    but those that name nobody, the Request-URI of what we `sent`, what names a person in SDP (RFC 8866 §5.2
    to §5.6), and any other body."""
    head, end, body = data.partition(b"\r\n\r\n")
    first, *lines = head.split(b"\n")
    if sent and not first.startswith(b"SIP/2.0 "):
        first = re.sub(rb"(?<= )[^ ]+(?= )", MASK.encode(), first, count=1)
    shown = True
    masked = [first]
    for line in lines:
        folded = line[:1] in (b" ", b"\t")
        if not folded:
            name = line.partition(b":")[0].strip()
            shown = name.lower() in _NAMES_NOBODY
        if shown:
            masked.append(line)
        elif not folded:
            masked.append(name + b": " + MASK.encode() + b"\r" * line.endswith(b"\r"))
    whole = b"\n".join(masked)
    if re.search(rb"^(?:content-type|c)[ \t]*:[ \t]*application/sdp", whole, re.IGNORECASE | re.MULTILINE):
        body = _NAMING_IN_BODY.sub(lambda match: b"*" * len(match[0]), body)
    else:
        body = b"*" * len(body)
    return whole + end + body


def is_secret_name(name: str) -> bool:
    """Say whether a log field of this name holds a secret."""
    return name.lower().replace("-", "_").endswith(SECRET_NAMES)
