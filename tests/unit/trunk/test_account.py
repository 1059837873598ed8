"""Accounts check themselves; credentials overlap while a secret is changed."""

from typing import Any

import pytest

from trunkline.errors import DirectoryError
from trunkline.trunk.account import Account, AccountStatus, CallerIdPolicy, Credential

MD5 = "0" * 32
SHA256 = "0" * 64


def test_defaults_are_those_of_the_document() -> None:
    account = Account("acme")
    assert not account.blocked
    assert account.caller_id_policy is CallerIdPolicy.ANY
    assert (account.max_concurrent, account.max_per_second, account.minutes_per_day) == (None, None, None)
    assert account.max_inbound is None
    assert not account.refer_enabled


def test_blocked() -> None:
    assert Account("acme", status=AccountStatus.BLOCKED).blocked


@pytest.mark.parametrize(
    "values",
    [
        {"key": ""},
        {"key": "a b"},
        {"key": "-a"},
        {"key": "a" * 65},
        {"key": "a@b"},
        {"max_concurrent": -1},
        {"max_inbound": -1},
        {"max_per_second": -1},
        {"minutes_per_day": -1},
        {"allowed_prefixes": ("+44",)},
        {"denied_prefixes": ("",)},
        {"codecs": ()},
        {"codecs": ("opus",)},
        {"codecs": ("pcma",)},
        {"codecs": ("PCMA", "PCMA")},
        {"caller_id_policy": CallerIdPolicy.REPLACE},
        {"caller_id_number": "+441632960000"},
        {"caller_id_number": "12"},
    ],
)
def test_impossible_accounts(values: dict[str, Any]) -> None:
    with pytest.raises(DirectoryError):
        Account(**{"key": "acme", **values})


@pytest.mark.parametrize(
    ("md5", "sha256"), [(MD5[1:], SHA256), (MD5, SHA256[1:]), ("X" * 32, SHA256), ("", "")]
)
def test_impossible_credentials(md5: str, sha256: str) -> None:
    with pytest.raises(DirectoryError):
        Credential(md5, sha256)


def test_two_secrets_overlap_until_the_old_one_expires() -> None:
    old = Credential("1" * 32, "1" * 64, expires_at=1000.0)
    new = Credential("2" * 32, "2" * 64)
    account = Account("acme", credentials=(old, new))
    assert account.living(999.9) == (old, new)
    assert account.living(1000.0) == (new,)


def test_a_secret_is_kept_as_what_each_algorithm_makes_of_it() -> None:
    credential = Credential(MD5, SHA256)
    found = [credential.ha1(name) for name in ("MD5", "sha-256", "SHA-512-256")]
    assert found == [MD5, SHA256, None]
