"""Telephone numbers: what was dialled or typed becomes the digits of an E.164 number.

Inside Trunkline a number is always its 7 to 15 digits, without `+`, `00` and visual separators. A number that
begins with 0 is a national one: E.164 country codes begin with 1 to 9, so it is refused here, where the
reason can still be told, rather than by a carrier. Rewriting for a carrier is `carrier.Rewrite`.
"""

import re
from urllib.parse import unquote

from trunkline.errors import DirectoryError
from trunkline.trunk.countries import country_of

MIN_DIGITS = 7
MAX_DIGITS = 15
_MAX_TEXT = 64
_WITHOUT_SEPARATORS = str.maketrans("", "", " -.()/")
"""RFC 3966 §3 visual-separator, the space and the slash that people type as well."""
_GLOBAL_CONTEXT = re.compile(r";phone-context=(\+[0-9().-]*)", re.IGNORECASE).search
_PREFIX = re.compile(r"[0-9]{0,15}", re.ASCII)
_TRUNK_ZERO = frozenset(
    (
        *("20", "27", "31", "32", "33", "40", "41", "43", "44", "46", "49", "60", "61", "62", "63", "64"),
        *("66", "81", "82", "84", "86", "90", "91", "92", "94", "234", "254", "353", "358", "380", "381"),
        *("385", "386", "387", "389", "421", "880", "886", "966", "971", "972"),
    )
)
"""Countries where 0 is dialled before a number within the country, and none begins with it (ITU-T, Dialling
procedures; E.129). In others, Italy among them, numbers do."""
_OF_NO_COUNTRY = frozenset(("800", "808", "870", "878", "881", "882", "883", "888", "979"))
"""Country codes behind which anything may stand (ITU-T, List of Recommendation E.164 assigned country
codes)."""


class MalformedNumber(DirectoryError):  # noqa: N818 (the name that the verdict slug has)
    """Not an E.164 number. `reason` says why, as the end of a sentence."""

    def __init__(self, text: str, reason: str) -> None:
        super().__init__(f"{text[:_MAX_TEXT]!r} {reason}")
        self.reason = reason


def normalise(text: str) -> str:
    """The 7 to 15 digits of the number in `text`, which may carry `+` or `00` and visual separators.

    Raises `MalformedNumber`. Linear in the input; nothing longer than 64 characters is looked at.
    """
    if len(text) > _MAX_TEXT:
        raise MalformedNumber(text, f"is longer than {_MAX_TEXT} characters")
    digits = text.strip()
    if not (digits.isascii() and digits.isdigit()):
        digits = digits.translate(_WITHOUT_SEPARATORS)
    if digits.startswith("+"):
        digits = digits[1:]
    elif digits.startswith("00"):
        digits = digits[2:]
    if not digits:
        raise MalformedNumber(text, "holds no digits")
    if not (digits.isascii() and digits.isdigit()):
        raise MalformedNumber(text, "holds something other than digits")
    if not MIN_DIGITS <= len(digits) <= MAX_DIGITS:
        raise MalformedNumber(
            text, f"has {len(digits)} digits; E.164 numbers have {MIN_DIGITS} to {MAX_DIGITS}"
        )
    if digits[0] == "0":
        raise MalformedNumber(text, "begins with 0, which no country code does")
    return digits


def is_number(user: str) -> bool:
    """Whether a user part is a telephone number of any kind, national and short ones too: digits, with or
    without `+` and visual separators.
    """
    digits = number_text(user).translate(_WITHOUT_SEPARATORS).removeprefix("+")
    return digits.isascii() and digits.isdigit()


def number_text(user: str) -> str:
    """The user part of a SIP URI as it was dialled: escapes decoded, telephone parameters cut off.

    The parameters are those of RFC 3966 that RFC 3261 §19.1.6 carries over
    (`+441632960000;phone-context=…`).
    """
    return _decoded(user).partition(";")[0]


def normalise_user(user: str) -> str:
    """`normalise` for the user part of a SIP URI as received. Raises `MalformedNumber`, also for a number
    that is local to a country or an area (RFC 3966 §5.1.5) and doesn't begin with the digits of that.
    """
    text = number_text(user)
    digits = normalise(text)
    context = _GLOBAL_CONTEXT(_decoded(user)) if ";" in user else None
    if context is not None and not text.strip().startswith(("+", "00")):
        prefix = context[1].translate(_WITHOUT_SEPARATORS)[1:]
        if not digits.startswith(prefix):
            raise MalformedNumber(user, f"is local to +{prefix}, and not given in full")
    return digits


def destination(user: str) -> str:
    """`normalise_user` for a number that is to be called. The 0 of national calls that people write behind
    the country code, as in +44 (0)20, is left out. Raises `MalformedNumber` also for what no country has:
    another call abroad behind a country code (44 00 882, 1 011 882), or 1 and no area code (NANPA: they begin
    with 2 to 9).

    Prefixes would take those for calls within the country, and a carrier that is given national numbers
    (`carrier.Rewrite`) for what stands behind the code.
    """
    digits = normalise_user(user)
    code = digits[0] if digits[0] in "17" else country_of(digits)
    rest = digits[len(code) :]
    if code == "1" and rest[0] in "01":
        raise MalformedNumber(user, "has no area code behind +1")
    if rest.startswith("00") and code not in _OF_NO_COUNTRY:
        raise MalformedNumber(user, f"goes on with 00 behind +{code}")
    return normalise(code + rest[1:]) if rest[0] == "0" and code in _TRUNK_ZERO else digits


def _decoded(user: str) -> str:
    return unquote(user[: _MAX_TEXT * 3]) if "%" in user else user


def number_or_none(user: str) -> str | None:
    """The E.164 digits of a user part, or None when it isn't such a number."""
    try:
        return normalise_user(user)
    except MalformedNumber:
        return None


def checked_prefix(prefix: str) -> str:
    """`prefix` when it is 0 to 15 digits; a leading `+` is dropped. Raises `DirectoryError`."""
    digits = prefix.strip().removeprefix("+")
    if _PREFIX.fullmatch(digits) is None:
        raise DirectoryError(f"{prefix!r} is not a number prefix: up to {MAX_DIGITS} digits, without + or 00")
    return digits
