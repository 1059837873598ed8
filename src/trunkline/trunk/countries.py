"""The country that an E.164 number belongs to, as far as fraud is concerned: its country code, and within the
North American plan its area code where that is another country's than the United States' or Canada's.
"""

from typing import Final

_TWO_DIGITS: Final = frozenset(
    (
        *(
            "20",
            "27",
            "30",
            "31",
            "32",
            "33",
            "34",
            "36",
            "39",
            "40",
            "41",
            "43",
            "44",
            "45",
            "46",
            "47",
            "48",
        ),
        *(
            "49",
            "51",
            "52",
            "53",
            "54",
            "55",
            "56",
            "57",
            "58",
            "60",
            "61",
            "62",
            "63",
            "64",
            "65",
            "66",
            "81",
        ),
        *("82", "84", "86", "90", "91", "92", "93", "94", "95", "98"),
    )
)
"""ITU-T, List of Recommendation E.164 assigned country codes. Codes that begin otherwise have three digits,
but for 1 and 7."""
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
    return e164[:2] if e164[:2] in _TWO_DIGITS else e164[:3]
