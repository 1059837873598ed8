"""The settings file as text: where a wrong key stands, what it should be, the commented file of `init`.

Knows nothing of single settings: it reads the declarations in `sections`. tomllib keeps no
positions, so the line of a key is found by a scan for table headers and keys; a key inside an inline table
gets the table's line.
"""

import difflib
import json
import os
import re
import textwrap
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from trunkline.errors import ConfigError

_TABLE = re.compile(r"\s*(\[\[?)\s*([^\[\]]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"\s*([A-Za-z0-9_-]+(?:\s*\.\s*[A-Za-z0-9_-]+)*)\s*=")
_SERVICE_LINK = re.compile(r"(.*_)?(SERVICE_HOST|SERVICE_PORT(_.*)?|PORT(_\d+_(TCP|UDP|SCTP).*)?)$")
"""Variables that Kubernetes sets for a service that happens to be called `trunkline`: no settings."""
_RESERVED = frozenset({"CONFIG", "PASSWORD", "SECRET"})
"""What commands read from the environment themselves."""
_WIDTH = 100
_IN_TOMLS_WORDS = {"tuple_type": "must be a list", "model_type": "must be a table"}
"""What pydantic says in Python's."""
_ALIKE = 0.7
"""How much alike two names must be, 0 to 1, for one to be suggested for the other."""


class Problem(NamedTuple):
    """One thing wrong with the settings. `line` counts from 1; None when it isn't known or not in a file."""

    key: str
    message: str
    source: str
    line: int | None

    def __str__(self) -> str:
        place = self.source if self.line is None else f"{self.source}, line {self.line}"
        return f"{place}: {self.message}"


class SettingsError(ConfigError):
    """The settings can't be used. `problems` holds all of them; `str()` is one line."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


def explain_environment(root: type[BaseModel], prefix: str) -> list[Problem]:
    """The variables that start with `prefix` but name no section. (Unknown keys of one fail validation.)"""
    problems = []
    for variable in sorted(os.environ):
        if not variable.upper().startswith(prefix):
            continue
        rest = variable.upper()[len(prefix) :]
        section = rest.lower().partition("__")[0]
        if section in root.model_fields or rest in _RESERVED or _SERVICE_LINK.fullmatch(rest):
            continue
        names = [_variable(prefix, key) for key in _keys(root)]
        problems.append(
            Problem(
                variable,
                f"{variable} is not a setting{_near(variable.upper(), names)}",
                f"environment {variable}",
                None,
            )
        )
    return problems


def explain_syntax(error: tomllib.TOMLDecodeError, text: str, source: str) -> Problem:
    """Why `text` is no TOML; of a section that is there twice, where it stands already."""
    sections: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        header = _TABLE.match(line)
        if header is None or header[1] != "[":
            continue
        first = sections.setdefault(header[2], number)
        if first != number and f"(at line {number}," in str(error):
            again = f"[{header[2]}] is at line {first} already: all of its settings stand there"
            return Problem("", again, source, number)
    return Problem("", f"not valid TOML: {error}", source, None)


def explain_validation(
    root: type[BaseModel], error: Exception, text: str, source: str, prefix: str
) -> list[Problem]:
    """What `error`, raised while validating settings read from `text`, means: keys, lines and values."""
    if not isinstance(error, ValidationError):
        return [Problem("", str(error), "environment", None)]
    problems = []
    for item in error.errors(include_url=False):
        location = item["loc"]
        key = ".".join(str(part) for part in location)
        if item["type"] == "extra_forbidden":
            message = f"unknown key {key!r}{_near_key(root, location)}"
        else:
            message = _wrong_value(root, location, item["type"], item["msg"], item["input"])
        variable = _variable(prefix, ".".join(str(part) for part in location[:2]))
        if any(name.upper() == variable for name in os.environ):
            problems.append(Problem(key, message, f"environment {variable}", None))
        else:
            problems.append(Problem(key, message, source, line_of(text, location)))
    return problems


def _wrong_value(
    root: type[BaseModel], location: Sequence[int | str], kind: str, detail: str, value: object
) -> str:
    key = ".".join(str(part) for part in location)
    if kind == "missing":
        return f"{key} is missing"
    allowed = detail.removeprefix("Value error, ").replace("Input should", "must")
    field = _field(root, location)
    if kind in _IN_TOMLS_WORDS:
        allowed = _IN_TOMLS_WORDS[kind]
    elif (
        kind == "string_pattern_mismatch" and field is not None and isinstance(field.json_schema_extra, dict)
    ):
        allowed = f"must look like {field.json_schema_extra['example']}"
    if field is not None and "Secret" in repr(field.annotation):
        return f"{key}: {allowed}"
    if isinstance(value, dict | BaseModel):
        return f"{key}: {allowed}"
    return f"{key} = {_toml(value)}: {allowed}"


def line_of(text: str, location: Sequence[int | str]) -> int | None:
    """The line (from 1) that sets the key at `location`: `("sip", "udp", 0)`, `("edges", 1, "name")`."""
    wanted = [str(part) for part in location]
    arrays: dict[str, int] = {}
    table: list[str] = []
    best: tuple[int, int] | None = None
    for number, line in enumerate(text.splitlines(), start=1):
        header = _TABLE.match(line)
        if header is not None:
            name = header[2].replace(" ", "").replace('"', "")
            table = name.split(".")
            if header[1] == "[[":
                arrays[name] = arrays.get(name, -1) + 1
                table.append(str(arrays[name]))
            path = table
        else:
            key = _KEY.match(line)
            if key is None:
                continue
            path = table + [part.strip() for part in key[1].split(".")]
        if path == wanted[: len(path)] and (best is None or len(path) > best[0]):
            best = (len(path), number)
    return None if best is None else best[1]


def render(root: type[BaseModel], values: Mapping[str, object]) -> str:
    """The commented settings file of `root`: see `settings.render_default`."""
    unknown = set(values) - set(_keys(root))
    if unknown:
        raise ConfigError(f"unknown key {min(unknown)!r}")
    lines = [
        "# Settings of a Trunkline node. A line behind # shows the default, or an example if there is none.",
        "# The environment overrides this file: TRUNKLINE_SIP__UDP=0.0.0.0:5060 is udp of [sip].",
        "# Settings marked (reload) are applied to new calls by a reload; the others need a restart.",
    ]
    for name, field in root.model_fields.items():
        section = field.annotation
        if isinstance(section, type) and issubclass(section, BaseModel):
            lines += ["", *_comment(section.__doc__ or ""), f"[{name}]"]
            for key, inner in section.model_fields.items():
                lines += _setting_lines(key, inner, values.get(f"{name}.{key}"))
        else:
            lines += ["", *_comment((field.description or "") + " (reload)")]
            lines += _table_lines(name, field, values.get(name))
    return "\n".join(lines) + "\n"


def _setting_lines(key: str, field: FieldInfo, value: object) -> list[str]:
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    lines = ["", *_comment((field.description or "") + (" (reload)" if extra.get("live") else ""))]
    if value is not None:
        return [*lines, f"{key} = {_toml(value)}"]
    shown = extra.get("example") or _toml(field.get_default())
    return [*lines, f"# {key} = {shown}"]


def _table_lines(name: str, field: FieldInfo, value: object) -> list[str]:
    if isinstance(value, Iterable):
        lines = []
        for entry in value:
            lines += [f"[[{name}]]", *(f"{key} = {_toml(part)}" for key, part in dict(entry).items())]
        return lines
    example = field.json_schema_extra["example"] if isinstance(field.json_schema_extra, dict) else ""
    return [f"# {line}" for line in str(example).splitlines()]


def _comment(text: str) -> list[str]:
    words = " ".join(text.split())
    return textwrap.wrap(words, _WIDTH, initial_indent="# ", subsequent_indent="# ", break_long_words=False)


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, list | tuple | set) and not hasattr(value, "_fields"):
        return "[" + ", ".join(_toml(part) for part in value) + "]"
    if value is None:
        return "nothing"
    return json.dumps(str(value), ensure_ascii=False)


def _keys(root: type[BaseModel]) -> list[str]:
    keys = []
    for name, field in root.model_fields.items():
        section = field.annotation
        if isinstance(section, type) and issubclass(section, BaseModel):
            keys += [f"{name}.{key}" for key in section.model_fields]
        else:
            keys.append(name)
    return keys


def _field(root: type[BaseModel], location: Sequence[int | str]) -> FieldInfo | None:
    section = root.model_fields.get(str(location[0]))
    if section is None or len(location) < 2:
        return section
    if isinstance(section.annotation, type) and issubclass(section.annotation, BaseModel):
        return section.annotation.model_fields.get(str(location[1]))
    return section


def _near_key(root: type[BaseModel], location: Sequence[int | str]) -> str:
    """A hint: a key of the same section that looks alike, else one of another section."""
    name = str(location[-1])
    if len(location) == 1:
        return _near(name, list(root.model_fields)) or f"; the sections are {', '.join(root.model_fields)}"
    section = str(location[0])
    row = get_args(root.model_fields[section].annotation)
    if row:
        fields = list(row[0].model_fields)
        return _near(name, fields) or f"; [[{section}]] has {', '.join(fields)}"
    keys = _keys(root)
    for key in keys:
        if key.partition(".")[2] == name:
            return f"; did you mean {key}?"
    own = [key for key in keys if key.startswith(f"{section}.")]
    near = difflib.get_close_matches(name, [key.partition(".")[2] for key in own], n=1, cutoff=_ALIKE)
    return f"; did you mean {section}.{near[0]}?" if near else f"; [{section}] has {', '.join(own)}"


def _near(name: str, candidates: Sequence[str]) -> str:
    matches = difflib.get_close_matches(name, candidates, n=1, cutoff=_ALIKE)
    return f"; did you mean {matches[0]}?" if matches else ""


def _variable(prefix: str, key: str) -> str:
    return prefix + key.replace(".", "__").upper()
