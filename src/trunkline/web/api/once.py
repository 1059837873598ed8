"""Making a thing once, although the request may come twice: Idempotency-Key.

The answer of the first request is kept for a day and given again to every further one with the same key,
method, path and body. What was refused is not kept: the request may come again with the same key.
"""

import hashlib
from collections.abc import Callable
from typing import Annotated

from fastapi import Depends, Header
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from trunkline.store.answers import Answer
from trunkline.web.api.front import AtDesk
from trunkline.web.desk.answers import AnswerDesk

JSON = "application/json"
REPLAYED = "Idempotency-Replayed"
"""A header of an answer that was given before."""


class Made:
    """The answer to a request that made something: 201 with where it is."""

    def __init__(self, body: BaseModel, location: str, tag: str | None = None) -> None:
        self.answer = Answer(
            201, {"Location": location, **({} if tag is None else {"ETag": tag})}, body.model_dump_json()
        )


class Once:
    """One request, and the key that it came with."""

    def __init__(self, answers: AnswerDesk, key: str | None, fingerprint: str) -> None:
        self._answers = answers
        self._key = key
        self._fingerprint = fingerprint

    def make(self, make: Callable[[], Made]) -> Response:
        """What `make` answers, now or when the request came first. Raises what `make` does, and
        `KeyReusedError`, `PendingError`."""
        key = self._key
        if key is None:
            return _response(make().answer)
        known = self._answers.claim(key, self._fingerprint)
        if known is not None:
            return _response(known, {REPLAYED: "true"})
        try:
            answer = make().answer
        except BaseException:
            self._answers.release(key)
            raise
        self._answers.keep(key, answer)
        return _response(answer)


def _response(answer: Answer, more: dict[str, str] | None = None) -> Response:
    return Response(answer.body, answer.status, {**answer.headers, **(more or {})}, JSON)


async def _fingerprint(request: Request) -> str:
    """What makes two requests the same."""
    head = f"{request.method} {request.url.path}?{request.url.query}\n".encode()
    return hashlib.sha256(head + await request.body()).hexdigest()


def _once(
    desk: AtDesk,
    fingerprint: Annotated[str, Depends(_fingerprint)],
    idempotency_key: Annotated[
        str | None,
        Header(
            alias="Idempotency-Key",
            min_length=1,
            max_length=255,
            pattern=r"^[\x21-\x7e]+$",
            description="Any text that no other request of yours has: with it, the request may be sent again "
            "without making the thing twice.",
        ),
    ] = None,
) -> Once:
    return Once(desk.answers, idempotency_key, fingerprint)


OnlyOnce = Annotated[Once, Depends(_once)]
"""Every operation that makes something has one."""
