"""What each number of the simulated carrier does."""

import pytest

from trunkline.pstn.numbering import Behaviour, Number, described, number_of


@pytest.mark.parametrize(
    ("digits", "number"),
    [
        ("9991000", Number(Behaviour.ECHO)),
        ("9992000", Number(Behaviour.TONE)),
        ("9993007", Number(Behaviour.ANSWER_LATER, "07")),
        ("9994000", Number(Behaviour.RING)),
        ("9995000", Number(Behaviour.BUSY)),
        ("9996503", Number(Behaviour.FAIL, "503")),
        ("9997003", Number(Behaviour.DROP, "03")),
        ("999812025550123", Number(Behaviour.CALL, "12025550123")),
        ("9998497712345678901", Number(Behaviour.CALL, "497712345678901")),
        ("9998000", Number(Behaviour.CALL)),
    ],
)
def test_assigned_numbers(digits: str, number: Number) -> None:
    assert number_of(digits) == number


@pytest.mark.parametrize(
    "digits",
    [
        "",
        "999",
        "99910000",
        "9996200",
        "9996703",
        "999300",
        "99980123",
        "99984977123456789012",
        "442079460000",
        "9991000 ",
        "999100\u0660",
    ],
)
def test_unassigned_numbers(digits: str) -> None:
    assert number_of(digits) is None


def test_every_number_is_described_by_an_example() -> None:
    for example, text in described():
        digits = example.replace("SS", "05").replace("NNN", "486").replace("NUMBER", "12025550123")
        assert number_of(digits) is not None, example
        assert text
    assert len(described()) == len(Behaviour) + 1, "the one that calls back has two"
