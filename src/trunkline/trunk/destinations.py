"""Where an account may call: its allowed and denied E.164 prefixes (BEHAVIOUR §4).

The longest prefix that matches decides; where both lists hold the same one, it is denied. With no match, an
account with a list of allowed prefixes may not call, any other may.
"""

from trunkline.trunk.account import Account


def deciding_prefix(account: Account, e164: str) -> tuple[bool, str | None]:
    """(Whether the account may call the number, the prefix that decided; None: none matched)."""
    allowed = _longest(account.allowed_prefixes, e164)
    denied = _longest(account.denied_prefixes, e164)
    if denied is not None and (allowed is None or len(denied) >= len(allowed)):
        return False, denied
    if allowed is not None:
        return True, allowed
    return not account.allowed_prefixes, None


def _longest(prefixes: tuple[str, ...], e164: str) -> str | None:
    return max((prefix for prefix in prefixes if e164.startswith(prefix)), key=len, default=None)
