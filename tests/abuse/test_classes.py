"""The table of classes in this folder's README: each class of holes is in it, and each test that it names
exists."""

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
CLASSES = 36
ROWS = {
    int(row[1]): (row[2], row[3])
    for row in re.finditer(
        r"(?m)^\| (\d+) \| (.+?) \| (.+) \|$", (Path(__file__).parent / "README.md").read_text()
    )
}
CANNOT_APPLY = {30: "neither is spoken"}
"""Classes without a test, and the words that say why."""


def places(text: str) -> list[tuple[Path, list[str]]]:
    """Each file or folder that a row names, and the tests or functions in it."""
    found: list[tuple[Path, list[str]]] = []
    for quoted in re.findall(r"`([^`]+)`", text):
        path, *names = quoted.split("::")
        if path.startswith("native/"):
            found.append((TESTS.parent / path, names))
        elif path:
            found.append((TESTS / path, names))
        else:
            found[-1][1].extend(names)
    return found


def native_names(text: str) -> list[tuple[str, str]]:
    """Rust tests by file: `file` (`name`, `name`)."""
    return [
        (path, name)
        for path, names in re.findall(r"`(native/[^`]+)` \(([^)]+)\)", text)
        for name in re.findall(r"`(\w+)`", names)
    ]


def test_every_class_is_there_once() -> None:
    assert sorted(ROWS) == list(range(1, CLASSES + 1))


@pytest.mark.parametrize("number", sorted(ROWS))
def test_what_it_names_exists(number: int) -> None:
    title, text = ROWS[number]
    natives = native_names(text)
    for source, name in natives:
        assert f"fn {name}(" in (TESTS.parent / source).read_text(), (title, source, name)
    rest = re.sub(r"`native/[^`]+` \([^)]+\)", "", text)
    named = places(rest)
    for path, names in named:
        assert path.exists(), (title, path)
        for name in names:
            assert f"def {name}(" in path.read_text(), (title, path, name)
    if number in CANNOT_APPLY:
        assert CANNOT_APPLY[number] in text
    else:
        assert natives or named, title
