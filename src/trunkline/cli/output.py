"""How commands print: a table or a card for people, JSON with `--json` for programs.

What came from a peer may hold control characters; none of them reaches the terminal.
"""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

PIPE_WIDTH = 200
"""Columns where the output is no terminal."""

console = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else PIPE_WIDTH)

_aside = Console(highlight=False, soft_wrap=True, stderr=True)

Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]

Row = Mapping[str, Any]

NONE = "none"
"""What an option takes to clear a value."""


def examples(*lines: str) -> str:
    """An epilog for `--help`: command lines to learn from."""
    return "\n\n".join(("Examples:", *lines))


def print_rows(rows: Iterable[Row], as_json: bool, empty: str) -> None:
    """A list of things: a JSON array, or a table whose columns are the keys of the first row. `empty` is said
    of none.
    """
    listed = list(rows)
    if as_json:
        print_json(listed)
        return
    if not listed:
        console.print(Text(empty))
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in listed[0]:
        table.add_column(name.replace("_", " ").upper(), overflow="fold")
    for row in listed:
        table.add_row(*(Text(shown(value)) for value in row.values()))
    console.print(table)


def print_card(row: Row, as_json: bool) -> None:
    """One thing: a JSON object, or a line for each field."""
    if as_json:
        print_json(row)
        return
    width = max(len(name) for name in row)
    for name, value in row.items():
        console.print(Text(f"{name.replace('_', ' '):<{width}}  {shown(value)}"))


def print_json(value: Any) -> None:
    """Indented JSON. Control and format characters are escaped: `json` leaves those above ASCII as they
    are."""
    text = json.dumps(value, indent=2, ensure_ascii=False, default=str)
    typer.echo("".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text))


def say(text: str) -> None:
    """One line for a person, at once even into a pipe."""
    console.print(Text(printable(text)))
    console.file.flush()


def say_aside(text: str) -> None:
    """One line for a person who watches, out of the way of what a program reads."""
    _aside.print(Text(printable(text)))


@contextmanager
def progress(text: str) -> Iterator[None]:
    """Show at a terminal that something goes on, for as long as it does."""
    with _aside.status(Text(printable(text))) if _aside.is_terminal else nullcontext():
        yield


def shown(value: Any) -> str:
    """A value in a table: nothing for None, words for truth, lists with commas."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, Sequence):
        return ", ".join(shown(item) for item in value) or "-"
    return printable(str(value))


def printable(text: str) -> str:
    """`text` with control and format characters written out."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in text)


def moment(at: float | None) -> str | None:
    """Wall-clock seconds as UTC in ISO 8601; None stays None."""
    if at is None:
        return None
    return datetime.fromtimestamp(at, UTC).isoformat(sep=" ", timespec="seconds").replace("+00:00", "Z")


def listed(given: Iterable[str]) -> list[str]:
    """The values of an option that may be repeated, and may name several with commas between."""
    return [part.strip() for text in given for part in text.split(",") if part.strip()]
