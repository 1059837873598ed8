"""`trunkline number stock` and `trunkline account credit`, which pays for it."""

import pytest

from tests.unit.cli.conftest import CommandLine

LONDON = {
    "e164": "442079460001",
    "country": "GB",
    "kind": "landline",
    "features": ["VOICE"],
    "price": "1.50",
}


def test_numbers_are_offered_listed_and_taken_back(line: CommandLine) -> None:
    assert "Nothing for sale" in line.run("number", "stock", "list")
    added = line.json("number", "stock", "add", "+442079460001", "442079460002", "--price", "1.5")
    assert added == [LONDON, {**LONDON, "e164": "442079460002"}]
    line.run("number", "stock", "add", "4915112345678", "--type", "mobile-lvn", "--feature", "voice,SMS")
    assert line.json("number", "stock", "list", "--country", "de") == [
        {
            "e164": "4915112345678",
            "country": "DE",
            "kind": "mobile-lvn",
            "features": ["VOICE", "SMS"],
            "price": "0.00",
        }
    ]
    assert "1 of 3; --limit shows more" in line.run("number", "stock", "list", "--limit", 1)
    assert "not for sale any more" in line.run("number", "stock", "remove", "+44 20 7946 0001")
    assert [row["e164"] for row in line.json("number", "stock", "list")] == [
        "442079460002",
        "4915112345678",
    ]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("80012345678",), "--country"),
        (("442079460001", "--price", "1,50"), "is no amount"),
        (("442079460001", "--country", "GBR"), "two capital letters"),
        (("442079460001", "--price", "-1"), "0 or more"),
    ],
)
def test_what_can_not_be_offered(line: CommandLine, arguments: tuple[str, ...], words: str) -> None:
    assert words in line.error("number", "stock", "add", *arguments)


def test_an_unknown_feature(line: CommandLine) -> None:
    assert "none of SMS" in line.run("number", "stock", "add", "442079460001", "--feature", "FAX", status=2)


def test_a_number_of_an_account_is_not_for_sale(line: CommandLine) -> None:
    line.run("account", "add", "--key", "acme")
    line.run("number", "stock", "add", "442079460001")
    line.run("number", "add", "442079460001", "--account", "acme")
    assert line.json("number", "stock", "list") == []
    assert "belongs to an account" in line.error("number", "stock", "remove", "442079460001")
    line.run("number", "remove", "442079460001")
    assert len(line.json("number", "stock", "list")) == 1
