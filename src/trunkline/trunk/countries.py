"""The country that an E.164 number belongs to, as far as fraud is concerned: its country code, and within the
North American plan its area code where that is another country's than the United States' or Canada's.
"""

from typing import Final

_TWO_DIGITS: Final = {
    "2": "07",
    "3": "0123469",
    "4": "013456789",
    "5": "12345678",
    "6": "0123456",
    "8": "1246",
    "9": "0123458",
}
"""The country codes of two digits: what may follow their first digit. Codes that begin otherwise have three
digits, but for 1 and 7 (ITU-T, List of Recommendation E.164 assigned country codes)."""
_OWN_AREA_CODES: Final = frozenset(
    (
        *(
            "242",
            "246",
            "264",
            "268",
            "284",
            "340",
            "345",
            "441",
            "473",
            "649",
            "658",
            "664",
            "670",
            "671",
            "684",
        ),
        *("721", "758", "767", "784", "787", "809", "829", "849", "868", "869", "876", "939"),
    )
)
"""NANPA: area codes of the Caribbean and the Pacific."""


def country_of(e164: str) -> str:
    """The leading digits of a number (7 to 15 digits) that stand for its country."""
    if e164[0] == "1":
        return e164[:4] if e164[1:4] in _OWN_AREA_CODES else "1"
    if e164[0] == "7":
        return e164[:2] if e164[1] in "67" else "7"
    return e164[:2] if e164[1] in _TWO_DIGITS.get(e164[0], "") else e164[:3]
