"""The rules of the tree that neither the linter nor the import linter can hold."""

import ast
import importlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "src" / "trunkline"
UNIT = ROOT / "tests" / "unit"

PURE_ROOMS = ("sip", "sdp", "trunk", "call")
PURE_STDLIB = frozenset(
    {
        "__future__",
        "abc",
        "base64",
        "binascii",
        "array",
        "bisect",
        "collections",
        "contextlib",
        "copy",
        "dataclasses",
        "decimal",
        "enum",
        "fractions",
        "functools",
        "hashlib",
        "heapq",
        "hmac",
        "ipaddress",
        "itertools",
        "math",
        "operator",
        "re",
        "string",
        "struct",
        "textwrap",
        "types",
        "typing",
        "unicodedata",
        "urllib",
        "zlib",
    }
)
"""What a pure room may import besides Trunkline itself: no clock, thread, socket, file or chance."""

UNMIRRORED = {
    "errors.py": "class statements only",
    "call/ports.py": "Protocols: their contract suites run against every implementation",
    "sip/ports.py": "Protocols: their contract suites run against every implementation",
    "web/control_format.py": "two type adapters, which the tests of both ends of the control socket use",
    "web/node_view.py": "a Protocol",
    "store/migrations/": "run as a whole by the tests of the schema",
}
"""Modules (or folders, ending in /) without a unit test file of their own, each with its reason."""


def relative(path: Path) -> str:
    return path.relative_to(SOURCES).as_posix()


MODULES = sorted(SOURCES.rglob("*.py"))
PURE = [path for path in MODULES if relative(path).split("/")[0] in PURE_ROOMS]


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_module_says_what_it_is_for(path: Path) -> None:
    assert ast.get_docstring(tree_of(path)), f"{relative(path)} has no module docstring"


@pytest.mark.parametrize("path", PURE, ids=relative)
def test_pure_room_waits_for_nothing(path: Path) -> None:
    waiting = (ast.AsyncFunctionDef, ast.Await, ast.AsyncFor, ast.AsyncWith)
    lines = [node.lineno for node in ast.walk(tree_of(path)) if isinstance(node, waiting)]
    assert not lines, f"{relative(path)} waits in line {lines[0]}"


@pytest.mark.parametrize("path", PURE, ids=relative)
def test_pure_room_imports_pure_things(path: Path) -> None:
    foreign = {name.split(".")[0] for name in imported(tree_of(path))} - PURE_STDLIB - {"trunkline"}
    assert not foreign, f"{relative(path)} imports {sorted(foreign)}"


def test_pure_standard_library_is_spelt_right() -> None:
    assert not PURE_STDLIB - sys.stdlib_module_names


def test_only_media_and_the_parser_open_the_native_module() -> None:
    """And the pure room takes the pure reader only (ADR 9)."""
    users = {relative(path): set(imported(tree_of(path))) for path in MODULES}
    users = {name: names for name, names in users.items() if "trunkline._native" in names}
    parser = users.pop("sip/parse.py")
    assert {name for name in parser if "_native" in name} == {
        "trunkline._native",
        "trunkline._native.HeadReader",
    }
    assert all(name.startswith("media/") for name in users), users


def slotted(path: Path) -> Iterator[type]:
    """The classes of a module that name their slots."""
    name = ".".join(("trunkline", *path.relative_to(SOURCES).with_suffix("").parts))
    for node in tree_of(path).body:
        if isinstance(node, ast.ClassDef):
            found = getattr(importlib.import_module(name), node.name)
            if "__slots__" in vars(found):
                yield found


@pytest.mark.parametrize(
    "path", [path for path in MODULES if "__slots__" in path.read_text(encoding="utf-8")], ids=relative
)
def test_slots_are_all_there_is(path: Path) -> None:
    """A base class without slots, or a slot by another name, gives each object a dictionary after all."""
    text = path.read_text(encoding="utf-8")
    for one in slotted(path):
        assert one.__dictoffset__ == 0, f"{one.__name__} has a dictionary beside its slots"
        unused = [slot for slot in vars(one)["__slots__"] if not re.search(rf"\.{slot}\b|\b{slot}: ", text)]
        assert not set(unused) - {"__weakref__"}, f"{one.__name__} never uses {unused}"


def is_mirrored(path: Path) -> bool:
    name = relative(path)
    excused = any(name == key or (key.endswith("/") and name.startswith(key)) for key in UNMIRRORED)
    return excused or path.name == "__init__.py" or (UNIT / name).with_name(f"test_{path.name}").exists()


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_module_has_its_unit_test_file(path: Path) -> None:
    assert is_mirrored(path), f"tests/unit/{Path(relative(path)).with_name('test_' + path.name)} is missing"


def test_every_verb_of_the_readme_exists() -> None:
    verbs = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = set(re.findall(r"\bmake ([a-z-]+)", (ROOT / "README.md").read_text(encoding="utf-8")))
    assert {"demo", "test"} <= named <= verbs


def files_of_tests() -> Iterator[tuple[Path, str]]:
    for path in sorted((ROOT / "tests").rglob("*.py")):
        yield path, path.read_text(encoding="utf-8")


def test_nobody_stops_the_clock_of_all_threads() -> None:
    """A test that wants another time replaces the name in one module: a phone of the tests that waits for its
    next packet in another thread, by a clock that is put back, waits for hours.
    """
    patched = re.compile(r"""setattr\(\s*(time\s*,|["']time\.)""")
    assert not [path for path, text in files_of_tests() if patched.search(text)]


def test_fixtures_of_a_package_end_with_it() -> None:
    """pytest takes a folder for a package by its `__init__.py`, and else keeps them until the run ends."""
    users = [path.parent for path, text in files_of_tests() if re.search(r"""scope=["']package["']""", text)]
    assert users
    folders = {folder for user in users for folder in (user, *user.parents) if folder.is_relative_to(ROOT)}
    assert not [folder for folder in folders - {ROOT} if not (folder / "__init__.py").exists()]
