"""The documentation page: the OpenAPI document as a page that needs no script and no foreign host."""

import json
from functools import cache
from importlib.resources import files
from typing import Any

from fastapi import FastAPI
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse, Response

from trunkline.web.api.openapi import Json, resolved
from trunkline.web.api.refusals import MALFORMED, NO_SUCH_PATH, NOT_HERE
from trunkline.web.problems import kinds

_PAGES = Environment(
    loader=PackageLoader("trunkline.web.api"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_MAX_AGE = "max-age=300"


def add_docs(app: FastAPI) -> None:
    """Serve /v1/docs and its style sheet."""
    page = cache(lambda: _page(app.openapi()))

    @app.get("/v1/docs", include_in_schema=False)
    def docs() -> Response:
        return HTMLResponse(page(), headers={"Cache-Control": _MAX_AGE})

    @app.get("/v1/docs.css", include_in_schema=False)
    def style() -> Response:
        text = files("trunkline.web.api").joinpath("templates/docs.css").read_text(encoding="utf-8")
        return Response(text, headers={"Cache-Control": _MAX_AGE}, media_type="text/css")


def _page(document: Json) -> str:
    groups: dict[str, list[Json]] = {tag["name"]: [] for tag in document["tags"]}
    for path, item in document["paths"].items():
        for method, operation in item.items():
            groups[operation["tags"][0]].append(_shown(document, path, method, operation))
    problems = {one.slug: one for one in (MALFORMED, NO_SUCH_PATH, NOT_HERE, *kinds())}
    return _PAGES.get_template("docs.html").render(
        title=document["info"]["title"],
        version=document["info"]["version"],
        paragraphs=_paragraphs(document["info"]["description"]),
        tags=document["tags"],
        groups=groups,
        problems=sorted(problems.values(), key=lambda one: (one.status, one.slug)),
    )


def _shown(document: Json, path: str, method: str, operation: Json) -> Json:
    body = operation.get("requestBody", {}).get("content", {}).get("application/json")
    answers = []
    for status, response in operation["responses"].items():
        known = resolved(document, response)
        media = known.get("content", {}).get("application/json", {})
        answers.append({"status": status, "words": known["description"], "example": _json(media)})
    return {
        "id": operation["operationId"],
        "method": method.upper(),
        "path": path,
        "summary": operation["summary"],
        "words": operation.get("description", ""),
        "parameters": [
            {**one, "type": _type(document, one["schema"])} for one in operation.get("parameters", ())
        ],
        "fields": [] if body is None else _fields(document, body["schema"]),
        "example": "" if body is None else _json(body),
        "answers": answers,
    }


def _fields(document: Json, schema: Json) -> list[Json]:
    known = resolved(document, schema)
    return [
        {
            "name": name,
            "type": _type(document, field),
            "required": name in known.get("required", ()),
            "description": resolved(document, field).get("description", ""),
        }
        for name, field in known.get("properties", {}).items()
    ]


def _type(document: Json, schema: Json) -> str:
    """In words: `string`, `integer or null`, `list of object of uri, priority`, `any | owned | replace`."""
    known = resolved(document, schema)
    if "enum" in known:
        return " | ".join(str(value) for value in known["enum"])
    if "anyOf" in known:
        return " or ".join(_type(document, one) for one in known["anyOf"])
    if known.get("properties"):
        return f"object of {', '.join(known['properties'])}"
    kind = str(known.get("type", "anything"))
    if kind == "array":
        return f"list of {_type(document, known.get('items', {}))}"
    return "moment (RFC 3339)" if known.get("format") == "date-time" else kind


def _json(media: Json) -> str:
    return json.dumps(media["example"], indent=2, ensure_ascii=False) if "example" in media else ""


def _paragraphs(text: str) -> list[list[tuple[str, bool, Any]]]:
    """The description's Markdown, as far as it goes: paragraphs of (text, strong, code)."""
    return [
        [
            (piece, strong, code)
            for strong, part in _alternating(" ".join(paragraph.split()), "**")
            for code, piece in _alternating(part, "`")
            if piece
        ]
        for paragraph in text.strip().split("\n\n")
    ]


def _alternating(text: str, mark: str) -> list[tuple[bool, str]]:
    return [(bool(place % 2), piece) for place, piece in enumerate(text.split(mark))]
