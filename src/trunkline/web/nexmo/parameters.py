"""What a request says: its query and its body as one set of named values.

Nexmo's clients send parameters in the query, as a form or as JSON, and some (PyPI's `vonage` 4.9.1 after its
first call with JSON) label a form as JSON. So the body is told apart by how it begins, not by its label.
"""

import json
from collections.abc import Iterator, Mapping
from urllib.parse import parse_qsl

from starlette.requests import Request

from trunkline.web.nexmo.errors import MethodFailedError

MAX_BODY = 65_536
"""Bytes."""
MAX_FIELDS = 64


class Parameters(Mapping[str, str]):
    """Values by name; of one that is sent twice, the last. Whatever is in the body wins over the query."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values

    def __getitem__(self, name: str) -> str:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def needed(self, name: str) -> str:
        """Raises `MethodFailedError` when it is missing or empty."""
        value = self.get(name, "").strip()
        if not value:
            raise MethodFailedError(f"{name} is missing")
        return value

    def whole_number(self, name: str, default: int, most: int) -> int:
        """From 1 to `most`. Raises `MethodFailedError`."""
        text = self.get(name, "").strip()
        if not text:
            return default
        if not (text.isascii() and text.isdigit() and len(text) < 10 and 1 <= int(text) <= most):
            raise MethodFailedError(f"{name} is a number from 1 to {most}")
        return int(text)


async def parameters(request: Request) -> Parameters:
    """A dependency. Raises `MethodFailedError` for a body that can't be read."""
    body = await request.body()
    if len(body) > MAX_BODY:
        raise MethodFailedError(f"the body is larger than {MAX_BODY} bytes")
    values = dict(request.query_params.items())
    values |= _of_json(body) if body.lstrip()[:1] == b"{" else _of_form(body)
    if len(values) > MAX_FIELDS:
        raise MethodFailedError(f"there are more than {MAX_FIELDS} parameters")
    return Parameters(values)


def _of_form(body: bytes) -> dict[str, str]:
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MAX_FIELDS))
    except ValueError:
        raise MethodFailedError("the body is neither a form nor JSON") from None


def _of_json(body: bytes) -> dict[str, str]:
    try:
        read = json.loads(body)
        values = {n: value if isinstance(value, str) else json.dumps(value) for n, value in read.items()}
        "".join(values.values()).encode()  # half a surrogate pair is no text (RFC 8259 §8.2)
    except (ValueError, RecursionError):
        raise MethodFailedError("the body is neither a form nor JSON") from None
    return values
