import json

import pytest

from trunkline.cli.output import (
    examples,
    listed,
    moment,
    print_card,
    print_rows,
    printable,
    progress,
    say,
    shown,
)


def test_a_table_has_a_column_for_each_key(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows([{"name": "a", "max_calls": None}, {"name": "b", "max_calls": 3}], False, "none")
    heading, first, second = capsys.readouterr().out.splitlines()
    assert heading.split() == ["NAME", "MAX", "CALLS"]
    assert first.split() == ["a", "-"]
    assert second.split() == ["b", "3"]


def test_of_none_there_is_a_word_for_people_and_an_empty_array_for_programs(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_rows([], False, "Nobody.")
    print_rows([], True, "Nobody.")
    assert capsys.readouterr().out == "Nobody.\n[]\n"


def test_a_card(capsys: pytest.CaptureFixture[str]) -> None:
    print_card({"key": "a", "two_words": ["x", "y"]}, False)
    assert capsys.readouterr().out == "key        a\ntwo words  x, y\n"
    print_card({"key": "a"}, True)
    assert json.loads(capsys.readouterr().out) == {"key": "a"}


def test_no_control_character_reaches_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    say("caller \x1b[31mred\x1b[0m \u202e")
    assert capsys.readouterr().out == "caller \\x1b[31mred\\x1b[0m \\u202e\n"
    assert printable("a\nb") == "a\nb"


def test_nor_by_json(capsys: pytest.CaptureFixture[str]) -> None:
    """A customer's token may have this name: U+009B begins a terminal's commands as ESC [ does."""
    rows = [{"label": "Zoë\x1b[31m\x7f\x9b31m\u202e\U000e0041\udc80", "more": ["\x9b"]}]
    print_rows(rows, True, "")
    out = capsys.readouterr().out
    assert all(c.isprintable() or c == "\n" for c in out)
    assert "Zoë" in out
    assert json.loads(out) == rows


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "-"),
        (True, "yes"),
        (False, "no"),
        (1.0, "1"),
        ([], "-"),
        (["a", None], "a, -"),
        ("x\x00", "x\\x00"),
    ],
)
def test_shown(value: object, words: str) -> None:
    assert shown(value) == words


def test_moment() -> None:
    assert moment(0) == "1970-01-01 00:00:00Z"
    assert moment(None) is None


def test_listed_takes_commas_and_repetition() -> None:
    assert listed(["a, b", "c", ""]) == ["a", "b", "c"]


def test_examples_are_paragraphs() -> None:
    assert examples("a", "b") == "Examples:\n\na\n\nb"


def test_progress_is_silent_where_nobody_watches(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("working"):
        pass
    assert capsys.readouterr() == ("", "")
