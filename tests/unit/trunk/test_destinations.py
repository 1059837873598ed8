"""Allowed and denied prefixes (BEHAVIOUR §4)."""

import pytest

from trunkline.trunk.account import Account
from trunkline.trunk.destinations import deciding_prefix


@pytest.mark.parametrize(
    ("allowed", "denied", "may_call", "prefix"),
    [
        ((), (), True, None),
        (("44",), (), True, "44"),
        (("1",), (), False, None),
        ((), ("44",), False, "44"),
        ((), ("1",), True, None),
        (("44",), ("4416",), False, "4416"),
        (("4416",), ("44",), True, "4416"),
        (("44",), ("44",), False, "44"),
        (("44", "4416"), ("441",), True, "4416"),
        (("1",), ("1",), False, None),
    ],
)
def test_the_longer_prefix_decides(
    allowed: tuple[str, ...], denied: tuple[str, ...], may_call: bool, prefix: str | None
) -> None:
    account = Account("acme", allowed_prefixes=allowed, denied_prefixes=denied)
    assert deciding_prefix(account, "441632960000") == (may_call, prefix)
