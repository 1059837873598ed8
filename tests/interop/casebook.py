"""Keeps what came of every case with every program: a pytest plugin, which `make pbxs` loads.

    pytest -p tests.interop.casebook --cases FILE tests/interop

FILE is JSON: when, of which versions, and for every program and case `passed`, `failed` or why it doesn't
apply. A case of a program has passed when each test that is about it has. With `--collect-only` nothing has
come of anything, and FILE says which cases there are tests for.
"""

import json
import re
import subprocess
from collections.abc import Generator, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.interop.cases import Case, Program, why_not
from tests.interop.node import ROOT
from tests.programs import require_program

Cell = tuple[Program, Case]


def cells(item: pytest.Item) -> list[Cell]:
    """What a test is about."""
    program = item.get_closest_marker("program")
    return [] if program is None else [(program.args[0], mark.args[0]) for mark in item.iter_markers("case")]


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--cases FILE`."""
    parser.addoption("--cases", type=Path, metavar="FILE", help="write there what came of every case")


def pytest_configure(config: pytest.Config) -> None:
    """Begin to keep it."""
    path: Path | None = config.getoption("--cases")
    if path is not None:
        config.pluginmanager.register(Casebook(path, only_collect=config.getoption("--collect-only")))


class Casebook:
    """The outcomes of one run."""

    def __init__(self, path: Path, *, only_collect: bool) -> None:
        self._path = path
        self._only_collect = only_collect
        self._outcomes: dict[Cell, set[str]] = {}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Which cases there are tests for."""
        for item in items:
            for cell in cells(item):
                self._outcomes.setdefault(cell, set())

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """How a test went: its call, and whatever did not go well before or after."""
        report = yield
        if report.when == "call" or report.outcome != "passed":
            for cell in cells(item):
                self._outcomes[cell].add(report.outcome)
        return report

    def pytest_sessionfinish(self) -> None:
        """Write the file."""
        programs = [program for program in Program if any(program is one for one, _ in self._outcomes)]
        self._path.write_text(json.dumps(self._book(programs), indent=1, ensure_ascii=False) + "\n")

    def _book(self, programs: Iterable[Program]) -> dict[str, Any]:
        return {
            "made": datetime.now(UTC).date().isoformat(),
            "cases": [{"name": case.slug, "title": case.title, "listed": case.listed} for case in Case],
            "programs": [
                {
                    "name": program.slug,
                    "title": program.title,
                    "version": "" if self._only_collect else version(program),
                    "cases": {case.slug: self._came_of((program, case)) for case in Case},
                }
                for program in programs
            ],
        }

    def _came_of(self, cell: Cell) -> str:
        outcomes = self._outcomes.get(cell)
        if outcomes is None:
            return why_not(*cell)
        return "passed" if outcomes == {"passed"} or self._only_collect else "failed"


def version(program: Program) -> str:
    """What the program says of itself. Fails where it isn't installed."""
    command = [word.format(roots=ROOT / "build/roots") for word in program.says_version]
    done = subprocess.run(
        [require_program(command[0]), *command[1:]], capture_output=True, text=True, timeout=20, check=False
    )
    found = re.search(r"\d+\.\d+[\w.~+-]*", done.stdout + done.stderr)
    assert found is not None, f"{' '.join(command)} says no version"
    return found[0]
