"""Numbers as dialled and typed."""

import pytest

from trunkline.errors import DirectoryError
from trunkline.trunk.e164 import (
    MalformedNumber,
    checked_prefix,
    destination,
    is_number,
    normalise,
    normalise_user,
    number_or_none,
)


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("441632960000", "441632960000"),
        ("+441632960000", "441632960000"),
        ("00441632960000", "441632960000"),
        ("+44 1632 960-000", "441632960000"),
        ("+44 (1632) 960.000", "441632960000"),
        ("0044/1632/960000", "441632960000"),
        (" 441632960000 ", "441632960000"),
        ("331908817135", "331908817135"),
        ("1234567", "1234567"),
        ("123456789012345", "123456789012345"),
        ("00123456789012345", "123456789012345"),
    ],
)
def test_normalise(text: str, digits: str) -> None:
    assert normalise(text) == digits


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no digits"),
        ("+", "no digits"),
        ("00", "no digits"),
        ("()", "no digits"),
        ("123456", "6 digits"),
        ("1234567890123456", "16 digits"),
        ("+00441632960000", "begins with 0"),
        ("000441632960000", "begins with 0"),
        ("01632960000", "begins with 0"),
        ("44+1632960000", "other than digits"),
        ("++441632960000", "other than digits"),
        ("44163296000a", "other than digits"),
        ("*441632960000", "other than digits"),
        ("44163296000\u0661", "other than digits"),
        ("44163296000\xb2", "other than digits"),
        ("alice", "other than digits"),
        ("4" * 65, "longer"),
    ],
)
def test_malformed(text: str, reason: str) -> None:
    with pytest.raises(MalformedNumber, match=reason) as caught:
        normalise(text)
    assert reason in caught.value.reason


@pytest.mark.parametrize(
    ("user", "digits"),
    [
        ("441632960000", "441632960000"),
        ("%2B441632960000", "441632960000"),
        ("+441632960000;phone-context=example.com", "441632960000"),
        ("441632960000;npdi", "441632960000"),
    ],
)
def test_normalise_user(user: str, digits: str) -> None:
    assert normalise_user(user) == digits


@pytest.mark.parametrize("context", ["+1", "%2B1", "+1-212;npdi"])
def test_a_number_local_to_a_country_is_not_one_of_the_world(context: str) -> None:
    """RFC 3966 §5.1.5: 415 555 2671 within +1 is no number in Switzerland."""
    for user in (f"4155552671;phone-context={context}", f"4155552671;ext=1;Phone-Context={context}"):
        with pytest.raises(MalformedNumber, match="local to"):
            normalise_user(user)
    assert normalise_user(f"00442079460123;phone-context={context}") == "442079460123"
    assert normalise_user(f"+442079460123;phone-context={context}") == "442079460123"
    assert normalise_user("442079460123;phone-context=pbx.example.com") == "442079460123"


@pytest.mark.parametrize(
    ("user", "digits"),
    [
        ("+44 (0)20 7946 0123", "442079460123"),
        ("4402079460123", "442079460123"),
        ("00490900123456", "49900123456"),
        ("+39 06 12345678", "390612345678"),
        ("+225 07 01 02 03 04", "2250701020304"),
        ("12025550123", "12025550123"),
        ("77001234567", "77001234567"),
        ("80000123456", "80000123456"),
        ("88200123456", "88200123456"),
    ],
)
def test_a_destination_has_no_zero_of_national_calls(user: str, digits: str) -> None:
    assert destination(user) == digits


@pytest.mark.parametrize(
    ("user", "reason"),
    [
        ("4400882123456", "goes on with 00 behind [+]44"),
        ("3400882123456", "goes on with 00 behind [+]34"),
        ("7008821234567", "goes on with 00 behind [+]7"),
        ("1011882123456", "no area code behind [+]1"),
        ("+1 1 900 555 0123", "no area code behind [+]1"),
        ("440123456", None),
        ("44012345", None),
        ("4401234", "6 digits"),
    ],
)
def test_nothing_stands_behind_a_country_code_that_no_country_has(user: str, reason: str | None) -> None:
    """A prefix of 44 or 1 lets them through, and a carrier that gets national numbers calls abroad."""
    if reason is None:
        assert destination(user) == "44" + user[3:]
        return
    with pytest.raises(MalformedNumber, match=reason):
        destination(user)


@pytest.mark.parametrize(
    ("user", "number"),
    [
        ("112", True),
        ("01632960000", True),
        ("%2B44-1632.960000;phone-context=x", True),
        ("+", False),
        ("", False),
        ("Unavailable", False),
        ("٣٣", False),
        ("4 you", False),
    ],
)
def test_is_number(user: str, number: bool) -> None:
    assert is_number(user) is number


def test_number_or_none() -> None:
    assert number_or_none("+441632960000") == "441632960000"
    assert number_or_none("asterisk") is None


@pytest.mark.parametrize(("text", "prefix"), [("", ""), ("44", "44"), ("+44", "44"), (" 1 ", "1")])
def test_prefix(text: str, prefix: str) -> None:
    assert checked_prefix(text) == prefix


@pytest.mark.parametrize("text", ["4x", "1" * 16, "++1", "-"])
def test_not_a_prefix(text: str) -> None:
    with pytest.raises(DirectoryError):
        checked_prefix(text)
