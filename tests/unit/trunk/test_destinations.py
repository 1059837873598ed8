"""Allowed and denied prefixes."""

import pytest

from trunkline.trunk.account import Account
from trunkline.trunk.destinations import GUARDED, deciding_prefix
from trunkline.trunk.e164 import checked_prefix


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


@pytest.mark.parametrize(
    ("allowed", "denied", "may_call", "prefix"),
    [
        ((), (), False, "449"),
        (("44",), (), False, "449"),
        (("449",), (), True, "449"),
        (("4490",), (), True, "4490"),
        (("449",), ("4490",), False, "4490"),
        (("4490",), ("4490",), False, "4490"),
        ((), ("449",), False, "449"),
    ],
)
def test_a_guarded_prefix_has_to_be_allowed_by_name(
    allowed: tuple[str, ...], denied: tuple[str, ...], may_call: bool, prefix: str
) -> None:
    account = Account("acme", allowed_prefixes=allowed, denied_prefixes=denied)
    assert deciding_prefix(account, "449098790001", ("449", "881")) == (may_call, prefix)


def test_guarding_leaves_other_numbers_alone() -> None:
    for number in ("442079460123", "493012345678", "12125550123", "33142345678", "81312345678"):
        assert deciding_prefix(Account("acme"), number, GUARDED) == (True, None)


def test_guarded_prefixes_are_prefixes_none_twice() -> None:
    assert all(checked_prefix(prefix) == prefix for prefix in GUARDED)
    assert len(set(GUARDED)) == len(GUARDED)
