"""Where an account may call: its allowed and denied E.164 prefixes, and the service's guarded ones.

The longest prefix that matches decides; where an account's two lists hold the same one, it is denied. A
guarded prefix is denied unless the account's own list allows it, or a longer one, by name: an allowed 44 does
not open 449. With no match, an account with a list of allowed prefixes may not call, any other may.
"""

from typing import Final

from trunkline.trunk.account import Account

SATELLITE_AND_NETWORKS: Final = ("870", "878", "881", "882", "883", "979")
"""Satellite systems, international networks, universal personal numbers, international premium rate (ITU-T,
List of Recommendation E.164 assigned country codes)."""
PREMIUM: Final = (
    # In the order of their country codes; from the numbering plans that the ITU publishes (E.129).
    *("1900", "30901", "30909", "3190", "3290", "3389", "34803", "34806", "34807", "34905", "34907"),
    *("35315", "351760", "351761", "351762", "358600", "358700", "3690", "39892", "39895", "39899", "4190"),
    *("42090", "43900", "43901", "43930", "43931", "43939", "4470", "44871", "44872", "44873", "449"),
    *("4590", "46900", "46939", "46944", "4782", "4870", "49137", "49900", "61190", "64900"),
)
"""National ranges whose holder is paid by the caller: what stolen credentials are used for."""
GUARDED: Final = (*SATELLITE_AND_NETWORKS, *PREMIUM)


def deciding_prefix(account: Account, e164: str, guarded: tuple[str, ...] = ()) -> tuple[bool, str | None]:
    """(Whether the account may call the number, the prefix that decided; None: none matched)."""
    allowed = _longest(account.allowed_prefixes, e164)
    denied = _longest(account.denied_prefixes, e164)
    watched = _longest(guarded, e164)
    if denied is not None and (allowed is None or len(denied) >= len(allowed)):
        return False, denied
    if watched is not None and (allowed is None or len(watched) > len(allowed)):
        return False, watched
    if allowed is not None:
        return True, allowed
    return not account.allowed_prefixes, None


def _longest(prefixes: tuple[str, ...], e164: str) -> str | None:
    return max((prefix for prefix in prefixes if e164.startswith(prefix)), key=len, default=None)
