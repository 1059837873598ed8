"""The pages of docs/ say what the code does today."""

import json
import re
import runpy
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trunkline.cli.app import COMMANDS, load
from trunkline.config import Settings
from trunkline.store.webhooks import new_secret
from trunkline.web.webhooks.signing import signed_headers

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PAGES: dict[str, Callable[[], str]] = runpy.run_path(str(ROOT / "tools" / "reference.py"))["PAGES"]


@pytest.mark.parametrize("name", PAGES)
def test_a_written_page_is_as_the_code_has_it(name: str) -> None:
    assert (DOCS / name).read_text(encoding="utf-8") == PAGES[name](), "stale: `make docs` writes it"


def test_a_default_can_be_set_as_it_is_written() -> None:
    """In quotes, where it is text."""
    usual, section, seen = Settings.parse(""), "", 0
    for line in (DOCS / "configuration.md").read_text(encoding="utf-8").splitlines():
        if header := re.match(r"## \[(\w+)\]", line):
            section = header[1]
        if row := re.match(r"\| `(\w+)` \| `(.*?)` \|", line):
            key, default = row.groups()
            literal = (
                default if re.match(r"\[|true$|false$|[0-9]+(\.[0-9]+)?$", default) else json.dumps(default)
            )
            literal = f'"{default}"' if key == "min_version" else literal
            parsed = Settings.parse(f"[{section}]\n{key} = {literal}\n")
            assert getattr(getattr(parsed, section), key) == getattr(getattr(usual, section), key), line
            seen += 1
    assert seen > 70


def test_the_cases_of_the_pbxs_are_those_that_are_tested(tmp_path: Path) -> None:
    """docs/pbxs.md is of one run of `make pbxs`; since then no case, program or test has come or gone."""
    file = tmp_path / "cases.json"
    arguments = ("-p", "tests.interop.casebook", "--cases", str(file), "-m", "case", "--collect-only", "-q")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *arguments, "tests/interop"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    there, here = (json.loads(path.read_text()) for path in (DOCS / "pbxs.json", file))
    for book in (there, here):
        del book["made"]
        for program in book["programs"]:
            del program["version"]
            cases = program["cases"]
            program["cases"] = {
                name: "tested" if came in ("passed", "failed") else came for name, came in cases.items()
            }
    assert there == here, "stale: `make pbxs` writes docs/pbxs.json anew"


def test_every_command_is_described() -> None:
    text = (DOCS / "command-line.md").read_text(encoding="utf-8")
    for name in COMMANDS:
        inner = getattr(load(name), "commands", None)
        for command in [name] if inner is None else [f"{name} {each}" for each in inner]:
            assert f"trunkline {command}" in text, command


def test_every_metric_is_described() -> None:
    text = (DOCS / "operations.md").read_text(encoding="utf-8")
    rooms = (ROOT / "src/trunkline" / room for room in ("observe", "node"))
    declared = "".join(file.read_text() for room in rooms for file in room.glob("*.py"))
    names = re.findall(r"\"trunkline_(\w+)\"", declared)
    names += re.findall(r"(?:gauge|counter)\(\s*\"(\w+)\"", declared)
    assert len(names) > 15
    for name in names:
        assert f"trunkline_{name}" in text, name


@pytest.mark.parametrize("page", sorted(DOCS.glob("*.md")), ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), target


def test_pages_that_the_code_names_are_there() -> None:
    """Also for people: `(docs/sip.md, Failover)` is that page's section."""
    named = 0
    for file in [*ROOT.glob("src/**/*.py"), *ROOT.glob("tests/**/*.py"), *ROOT.glob("native/*/src/**/*.rs")]:
        for page, heading in re.findall(
            r"\b(docs/\w+\.md)(?:,\s+([A-Z]\w+)\))?", file.read_text(encoding="utf-8")
        ):
            named += 1
            assert (ROOT / page).exists(), (file, page)
            if heading:
                assert f"\n## {heading}\n" in (ROOT / page).read_text(encoding="utf-8"), (file, page, heading)
    assert named > 10


def test_the_example_verifies_a_webhook_s_signature() -> None:
    text = (DOCS / "webhooks.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    names: dict[str, Any] = {}
    exec(example, names)
    secret, body = new_secret(), b'{"id":"e1"}'
    headers = signed_headers(secret, "e1", time.time(), body)
    is_genuine = names["is_genuine"]
    assert is_genuine(secret, headers, body)
    assert not is_genuine(new_secret(), headers, body)
    assert not is_genuine(secret, headers, body + b" ")
    assert not is_genuine(secret, headers | {"webhook-id": "e2"}, body)
    assert not is_genuine(secret, signed_headers(secret, "e1", time.time() - 600, body), body)
