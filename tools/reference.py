"""`make docs`: writes the pages of docs/ that say in words what the code declares.

docs/configuration.md comes from the settings (`trunkline.config.sections`), docs/explain.md from the error
ids (`trunkline.trunk.verdict`), docs/pbxs.md from what `make pbxs` wrote of its tests (docs/pbxs.json).
tests/test_docs.py fails while a page is older than what it describes.
"""  # noqa: INP001 - a program, not a package

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from trunkline.config import Settings
from trunkline.trunk.verdict import Fault, Slug

DOCS = Path(__file__).resolve().parent.parent / "docs"
NOTE = (
    "<!-- Written by `make docs` (tools/reference.py). Change the words there or in the code, not here. -->"
)

CONFIGURATION = f"""# Configuration

{NOTE}

A node reads one TOML file. `trunkline init DIR` writes it with every setting in it, commented out, so this
page and that file say the same. Without `-c FILE` or `TRUNKLINE_CONFIG`, commands look for
`./trunkline.toml`, then `/etc/trunkline/trunkline.toml`.

The environment overrides the file. `TRUNKLINE_SIP__UDP=0.0.0.0:5060,[::]:5060` is `udp` of `[sip]`: section
and key with two underscores between, lists with commas. An unknown key in either place stops the program
and is named with its line and a near match.

**Reload** says what SIGHUP (`systemctl reload`) applies to new calls at once. The other settings wait for a
restart; the log says so when one of them has changed. The TLS certificate is read again by every reload.

Accounts, numbers, carriers and routes are not settings. They are in the database: see [the command
line](command-line.md).
"""

EXPLAIN = f"""# Error ids

{NOTE}

Every call that fails ends with one error id. The caller sees it in the `Reason` header of the answer or the
BYE, as in `Reason: SIP;cause=404;text="no-route"`. The call record, `trunkline calls` and the metrics use
the same ids. They do not change between versions.

A request that is turned down before it is known whose it is (unreadable, without good credentials, a loop, a
session interval that is too small) has its status alone, and no record. Where the table has an id for one of
these, it came from a far end, or within a call.

`trunkline explain no-route` prints one of them. `trunkline explain KEY NUMBER` says before a call which one
it would get.

*Status* is the SIP status that the caller gets, unless a far end sent one of its own: then that one is
relayed. *Q.850* is the cause in the second `Reason` header. The headings name the side on which to look
first.
"""

PBXS = f"""# PBXs and phones, case by case

{NOTE}

What happened when each program below called through Trunkline and was called through it. `make pbxs` runs
the tests (tests/interop) with the real programs and writes this page; nothing in the tables is written by
hand. An answered call has passed when each side hears the other's tone, digits when the far end has got them,
a transfer when the two that are left hear each other. PBXs are loaded with what `trunkline pbx` writes, as it
is. Asterisk is tried in both directions of each case, phones in those that they have.
"""

FAULTS = {
    Fault.NOBODY: "Nobody's fault",
    Fault.CALLER: "The caller's side",
    Fault.CUSTOMER: "The customer's account",
    Fault.ENDPOINT: "The far end",
    Fault.CARRIER: "The carrier",
    Fault.NETWORK: "The network",
    Fault.SERVICE: "This service",
}


def configuration() -> str:
    """docs/configuration.md."""
    parts = [CONFIGURATION]
    for name, field in Settings.model_fields.items():
        section = field.annotation
        if isinstance(section, type) and issubclass(section, BaseModel):
            parts += [f"## [{name}]\n", f"{_words(section.__doc__ or '')}\n", _table(section)]
        else:
            parts += [f"## [[{name}]]\n", f"{_words(field.description or '')} Reload: yes.\n"]
            parts += [f"```toml\n{_extra(field).get('example')}\n```\n"]
    return "\n".join(parts)


def _table(section: type[BaseModel]) -> str:
    rows = [
        f"| `{key}` | {_default(field)} | {'yes' if _extra(field).get('live') else ''} | {_meaning(field)} |"
        for key, field in section.model_fields.items()
    ]
    return "\n".join(["| setting | default | reload | meaning |", "|---|---|---|---|", *rows, ""])


def _extra(field: FieldInfo) -> dict[str, object]:
    return dict(field.json_schema_extra) if isinstance(field.json_schema_extra, dict) else {}


def _default(field: FieldInfo) -> str:
    default = field.default
    if default is None or default is PydanticUndefined:
        return (
            "depends"
            if "Default:" in (field.description or "")
            else "none"
            if default is None
            else "the host's name"
        )
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    if isinstance(default, tuple) and not hasattr(default, "_fields"):
        return f"`{json.dumps([str(item) for item in default])}`" if default else "depends"
    return f"`{default:g}`" if isinstance(default, float) else f"`{default}`"


def _meaning(field: FieldInfo) -> str:
    words = _words(field.description or "")
    bounds = _bounds(field)
    example = _extra(field).get("example")
    return " ".join(
        filter(None, [words, f"{bounds}." if bounds else "", f"Example: `{example}`." if example else ""])
    ).replace("|", "\\|")


def _bounds(field: FieldInfo) -> str:
    least = most = None
    for bound in field.metadata:
        for name in ("ge", "gt"):
            if getattr(bound, name, None) is not None:
                least = f"{'more than ' if name == 'gt' else ''}{getattr(bound, name):g}"
        if getattr(bound, "le", None) is not None:
            most = f"{bound.le:.12g}"
    choices = getattr(field.annotation, "__args__", ())
    if choices and all(isinstance(choice, str) for choice in choices):
        return "One of " + ", ".join(f"`{choice}`" for choice in choices) if len(choices) > 1 else ""
    if least is not None and most is not None:
        return f"{least[0].upper()}{least[1:]} to {most}"
    return (
        "" if least is None else f"At least {least}" if not least.startswith("more") else least.capitalize()
    )


def explain() -> str:
    """docs/explain.md."""
    parts = [EXPLAIN]
    for fault, heading in FAULTS.items():
        kinds = [slug.value for slug in Slug if slug.value.fault is fault]
        if not kinds:
            continue
        parts.append(f"## {heading}\n")
        parts.append("| id | status | Q.850 | what happened | what to do |\n|---|---|---|---|---|")
        parts += [
            f"| `{kind.slug}` | {kind.status} | {kind.q850 or ''} | {kind.text} | {kind.remedy} |"
            for kind in kinds
        ]
        parts.append("")
    return "\n".join(parts)


def pbxs() -> str:
    """docs/pbxs.md."""
    book = json.loads((DOCS / "pbxs.json").read_text(encoding="utf-8"))
    notes: dict[str, int] = {}
    tables = {
        "The 21 cases of the PBX guides": [case for case in book["cases"] if case["listed"]],
        "And more": [case for case in book["cases"] if not case["listed"]],
    }
    parts = [PBXS, f"Run on {book['made']} with:\n"]
    parts += [f"- {program['title']}: version {program['version']}" for program in book["programs"]]
    parts.append("")
    for heading, cases in tables.items():
        parts += [f"## {heading}\n", *_case_table(book["programs"], cases, notes), ""]
    if notes:
        parts += ["## Why not\n", *(f"{number}. {_sentence(note)}" for note, number in notes.items()), ""]
    return "\n".join(parts)


def _case_table(
    programs: list[dict[str, Any]], cases: list[dict[str, Any]], notes: dict[str, int]
) -> list[str]:
    lines = [
        f"| | {' | '.join(program['title'] for program in programs)} |",
        f"|---{'|---' * len(programs)}|",
    ]
    for case in cases:
        states = [_state(program["cases"][case["name"]], notes) for program in programs]
        lines.append(f"| {case['title']} | {' | '.join(states)} |")
    return lines


def _state(outcome: str, notes: dict[str, int]) -> str:
    if outcome == "passed":
        return "pass"
    if outcome == "failed":
        return "**fail**"
    return f"– ({notes.setdefault(outcome, len(notes) + 1)})"


def _sentence(phrase: str) -> str:
    return f"{phrase[0].upper()}{phrase[1:]}."


def _words(text: str) -> str:
    return " ".join(text.split())


PAGES = {"configuration.md": configuration, "explain.md": explain, "pbxs.md": pbxs}

if __name__ == "__main__":
    for name, render in PAGES.items():
        (DOCS / name).write_text(render(), encoding="utf-8")
