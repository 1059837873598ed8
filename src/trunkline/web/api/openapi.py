"""The OpenAPI document: what FastAPI reads off the operations, and what goes for all of them: how to sign in,
which problems there are (RFC 9457), which headers, and an example of every body."""

from collections.abc import Iterator
from typing import Any, Final

Json = dict[str, Any]

PROBLEM_REF: Final = {"$ref": "#/components/schemas/Problem"}
IF_MATCH: Final = "If-Match"
DESCRIPTION: Final = """Everything that the dashboard and the command line do.

**Signing in.** Send a token: `Authorization: Bearer TOKEN`. An account's key and secret, or a user's name
and password, work by Basic authentication. A customer sees what belongs to the own account; what belongs to
somebody else is answered like a thing that nobody has. `POST /v1/tokens` and `trunkline token add` make
tokens.

**Problems.** Every refusal is `application/problem+json`: what happened, and what to do.

**Making a thing once.** A request that makes something may carry an `Idempotency-Key`. Sent again with the
same key within 24 hours, it gets the first answer again, with `Idempotency-Replayed: true`. The same key
with another body is answered 422, while the first request is still being served 409. The last 1000 keys are
kept.

**Changing what you have seen.** An answer that shows a thing with a version has an `ETag`. A change or
removal with `If-Match` is made only to that version, or answered 412. Without it the last change wins.

**Pages.** A list that can be long answers `next`, to be sent as `after`, `cursor` or `before`. null: that
was the last page.

**Rates.** More requests than `web.api_requests_per_minute` are answered 429 with `Retry-After`.
"""

TAGS: Final = {
    "Accounts": "Customers, and what they may do.",
    "Secrets": "What a PBX signs in with. Several work at a time while one is being changed.",
    "Numbers": "E.164 numbers of the accounts.",
    "Forward to SIP": "Where calls to a number go, and how those endpoints are.",
    "Connect a PBX": "Where the service is, a configuration filled in, and what has been seen of the PBX.",
    "Numbers for sale": "A stock that accounts buy from, with credit.",
    "Carriers": "Upstream SIP peers (operators).",
    "Routes": "Which carrier takes which numbers (operators).",
    "Calls": "Records of past calls, live ones, their messages.",
    "Figures": "How calls went over time, and what is used of the limits.",
    "Explain": "What would happen to a call, and what an error id means.",
    "Network": "What the running node knows.",
    "Webhooks": "Your own programs, told what happens.",
    "People": "Who signs in, who is signed in, who changed what.",
}

_PROBLEMS: Final = {
    400: ("Malformed", "The body is no JSON."),
    401: ("NotSignedIn", "The credentials are missing, wrong or no longer good."),
    402: ("NoCredit", "The account's credit is too small."),
    403: ("NotAllowed", "Only an operator may do this."),
    404: ("NotFound", "There is no such thing, or it belongs to somebody else."),
    409: ("Conflict", "It exists already, something else needs it, or the same request is being served."),
    412: ("ChangedMeanwhile", "It is not what If-Match names any more."),
    413: ("TooLarge", "A body has at most 1 MiB."),
    422: ("Invalid", "The request says something that can't be."),
    429: ("TooManyRequests", "Too many requests, or too many wrong passwords."),
    500: ("Fault", "The service failed; its log says how."),
    503: ("Away", "The database is away, or no node runs."),
}

_PROBLEM_SCHEMA: Final[Json] = {
    "title": "Problem",
    "type": "object",
    "description": "Why a request was refused (RFC 9457).",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "description": "Leads to the paragraph about this kind of problem."},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What is wrong, and what to do."},
        "errors": {
            "type": "array",
            "description": "Where in the request.",
            "items": {
                "type": "object",
                "required": ["detail"],
                "properties": {
                    "detail": {"type": "string"},
                    "pointer": {"type": "string", "description": "Into the body (RFC 6901)."},
                    "parameter": {"type": "string"},
                },
            },
        },
        "entry": {
            "type": "integer",
            "description": "Which entry of a forwarding list, from 1; 0: all of it.",
        },
        "position": {"type": "integer", "description": "Where in the list or entry, in characters from 0."},
    },
}

_HEADERS: Final[Json] = {
    "ETag": {"description": "The version that is shown.", "schema": {"type": "string"}},
    "Location": {"description": "Where the new thing is.", "schema": {"type": "string"}},
    "Idempotency-Replayed": {
        "description": "`true`: the answer was given before.",
        "schema": {"type": "string"},
    },
    "Retry-After": {"description": "Seconds.", "schema": {"type": "string"}},
    "WWW-Authenticate": {"schema": {"type": "string"}},
}


def describe(document: Json) -> Json:
    """Complete what FastAPI wrote."""
    document["info"]["description"] = DESCRIPTION
    document["tags"] = [{"name": name, "description": text} for name, text in TAGS.items()]
    document["security"] = [{"token": []}, {"basic": []}]
    components = document["components"]
    components["securitySchemes"] = {
        "token": {"type": "http", "scheme": "bearer", "description": "A token."},
        "basic": {"type": "http", "scheme": "basic", "description": "Key and secret, or user and password."},
    }
    for name in ("HTTPValidationError", "ValidationError"):
        components["schemas"].pop(name, None)
    components["schemas"]["Problem"] = _PROBLEM_SCHEMA
    components["headers"] = _HEADERS
    components["responses"] = {name: _problem(status) for status, (name, _) in _PROBLEMS.items()}
    versioned = {path for path, _, operation in operations(document) if IF_MATCH in _parameters(operation)}
    for path, method, operation in operations(document):
        shows_version = path in versioned or (
            method == "post" and any(one.startswith(f"{path}/{{") for one in versioned)
        )
        _complete(document, path, method, operation, shows_version=shows_version)
    return document


def operations(document: Json) -> Iterator[tuple[str, str, Json]]:
    """Path, method and operation of each."""
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield path, method, operation


_DONE: Final = {"200": "What was asked for.", "201": "It is made.", "204": "It is done."}


def _parameters(operation: Json) -> set[str]:
    return {parameter["name"] for parameter in operation.get("parameters", ())}


def _complete(document: Json, path: str, method: str, operation: Json, *, shows_version: bool) -> None:
    operation["description"] = " ".join(operation["description"].split())
    operation["summary"] = operation["description"].partition(". ")[0].rstrip(".")
    responses = operation["responses"]
    responses.pop("422", None)
    for status, response in responses.items():
        response["description"] = _DONE[status]
        named = ["ETag"] if shows_version and status != "204" else []
        if status == "201":
            named += ["Location", "Idempotency-Replayed"]
        if named:
            response["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in named}
        _give_examples(document, response, every_field=True)
    if "requestBody" in operation:
        _give_examples(document, operation["requestBody"], every_field=False)
    for status in sorted(_refusals(path, method, operation)):
        responses[str(status)] = {"$ref": f"#/components/responses/{_PROBLEMS[status][0]}"}


def _refusals(path: str, method: str, operation: Json) -> set[int]:
    """The statuses of the problems that an operation can answer with."""
    parameters = _parameters(operation)
    statuses = {401, 403, 429, 500, 503}
    if "requestBody" in operation:
        statuses |= {400, 413, 422}
    if parameters:
        statuses.add(422)
    if "account" in parameters or any(one["in"] == "path" for one in operation.get("parameters", ())):
        statuses.add(404)
    if path.endswith("/purchases"):
        statuses.add(402)
    if method in ("post", "delete"):
        statuses |= {404, 409}
    if IF_MATCH in parameters:
        statuses |= {404, 412}
    return statuses


def _problem(status: int) -> Json:
    name, words = _PROBLEMS[status]
    example = {"type": f"/v1/docs#{name.lower()}", "title": name, "status": status, "detail": words}
    response: Json = {
        "description": words,
        "content": {"application/problem+json": {"schema": PROBLEM_REF, "example": example}},
    }
    header = {401: "WWW-Authenticate", 429: "Retry-After"}.get(status)
    if header is not None:
        response["headers"] = {header: {"$ref": f"#/components/headers/{header}"}}
    return response


def _give_examples(document: Json, holder: Json, *, every_field: bool) -> None:
    for kind, media in holder.get("content", {}).items():
        if kind == "application/json":
            media["example"] = example_of(document, media["schema"], every_field=every_field)


def resolved(document: Json, schema: Json) -> Json:
    """`schema`, or what it refers to."""
    while "$ref" in schema:
        found: Json = document
        for step in schema["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        schema = {**found, **{key: value for key, value in schema.items() if key != "$ref"}}
    return schema


def example_of(document: Json, schema: Json, *, every_field: bool) -> Any:
    """A value of `schema`, from the examples of its fields. Without `every_field`, fields that are neither
    required nor have an example are left out."""
    schema = resolved(document, schema)
    for key in ("examples", "enum"):
        if schema.get(key):
            return schema[key][0]
    for key in ("const", "default"):
        if schema.get(key) is not None:
            return schema[key]
    if "anyOf" in schema:
        if every_field and {"type": "null"} in schema["anyOf"]:
            return None
        return example_of(document, schema["anyOf"][0], every_field=every_field)
    match schema.get("type"):
        case "object":
            required = schema.get("required", ())
            return {
                name: example_of(document, field, every_field=every_field)
                for name, field in schema.get("properties", {}).items()
                if every_field or name in required or "examples" in field
            }
        case "array" if "items" in schema:
            return [example_of(document, schema["items"], every_field=every_field)]
        case "array":
            return []
        case "string":
            return "2026-03-14T09:26:53Z" if schema.get("format") == "date-time" else ""
        case "boolean":
            return False
        case "integer" | "number":
            return schema.get("minimum", 0)
    return None
