"""What every command has in common: it loads late, explains itself, and is named as the texts name it."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.unit.cli.conftest import ENVIRONMENT, CommandLine
from trunkline.cli.app import COMMANDS, app, load
from trunkline.web.api.models.account import AccountView
from trunkline.web.api.models.base import Body
from trunkline.web.api.models.carrier import CarrierView, RouteView
from trunkline.web.api.models.number import NumberView
from trunkline.web.api.models.people import AuditEntryView, SessionView, UserView
from trunkline.web.api.models.stock import StockFields
from trunkline.web.api.models.webhook import WebhookView

ROOT = Path(__file__).resolve().parents[3]
HEAVY = (
    "sqlalchemy",
    "alembic",
    "fastapi",
    "uvicorn",
    "httpx",
    "pydantic",
    "trunkline._native",
    "trunkline.node",
)


@pytest.mark.parametrize("option", ["--version", "--help"])
def test_what_needs_nothing_imports_nothing_heavy(option: str) -> None:
    program = (
        "import sys; from trunkline.cli import main\n"
        f"sys.argv[1:] = [{option!r}]\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=ENVIRONMENT
    )
    assert done.stdout.splitlines()[-1] == "[]"


def commands() -> Iterator[tuple[str, ...]]:
    for name in COMMANDS:
        inner = getattr(load(name), "commands", None)
        yield from [(name,)] if inner is None else [(name, each) for each in inner]


ALL = sorted(commands())


@pytest.mark.parametrize("command", ALL, ids=" ".join)
def test_every_command_has_help(command: tuple[str, ...]) -> None:
    result = CliRunner().invoke(app, [*command, "--help"])
    assert result.exit_code == 0
    assert f"trunkline {' '.join(command)}" in result.output


@pytest.mark.parametrize("command", [each for each in ALL if each[-1] == "list"], ids=" ".join)
def test_every_listing_takes_json(command: tuple[str, ...]) -> None:
    assert "--json" in CliRunner().invoke(app, [*command, "--help"]).output


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_says_what_the_command_says(name: str) -> None:
    help_ = " ".join((load(name).help or "").split())
    assert help_.startswith(COMMANDS[name].summary)


def test_an_unknown_command_is_met_with_a_near_one() -> None:
    result = CliRunner().invoke(app, ["acount", "list"])
    assert result.exit_code == 2
    assert "account" in result.output


NAMED = re.compile(r"\btrunkline (?:-c \S+ )?([a-z]+)\b(?: ([a-z][a-z-]+))?")


def texts() -> Iterator[Path]:
    yield from (ROOT / "src" / "trunkline").rglob("*.py")
    yield from (ROOT / "docs").glob("*.md")
    yield ROOT / "README.md"


@pytest.mark.parametrize("path", list(texts()), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_that_a_text_names_exists(path: Path) -> None:
    """`trunkline …` in code, at the start of a line or after a prompt; prose about Trunkline is not meant."""
    text = path.read_text(encoding="utf-8")
    quoted = re.findall(r"`\$? ?(trunkline [^`\n]+)`", text) + re.findall(
        r"^(?:\$ )?(trunkline [a-z].*)$", text, re.MULTILINE
    )
    for found in quoted:
        match = NAMED.match(found)
        if match is None:
            continue
        name, inner = match.groups()
        assert name in COMMANDS, found
        inside = getattr(load(name), "commands", None)
        if inside is not None and inner is not None:
            assert inner in inside, found


@pytest.mark.parametrize(
    ("listing", "view", "own"),
    [
        ("account list", AccountView, set()),
        ("account show k1", AccountView, {"numbers"}),
        ("number list", NumberView, set()),
        ("number stock list", StockFields, {"price"}),
        ("carrier show up", CarrierView, {"user"}),
        ("route list", RouteView, set()),
        ("user list", UserView, set()),
        ("token list", SessionView, set()),
        ("webhook list", WebhookView, set()),
        ("audit", AuditEntryView, set()),
    ],
)
def test_fields_are_named_as_in_the_api(
    line: CommandLine, listing: str, view: type[Body], own: set[str]
) -> None:
    """`own` are those that the API has in another form, or not at all."""
    for command in (
        "account add --key k1",
        "number add 442079460123 --account k1",
        "number stock add 442079460124",
        "carrier add up --gateway sip:192.0.2.1",
        "route add all --carrier up",
        "user add ann",
        "token add --account k1",
        "webhook add https://example.com/hook --account k1",
    ):
        line.run(*command.split())
    shown = line.json(*listing.split())
    card = shown[0] if isinstance(shown, list) else shown
    assert card.keys() - view.model_fields.keys() == own
