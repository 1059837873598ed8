"""Where a request came from, for sign-in and the audit trail."""

from starlette.requests import Request

from trunkline.store.audit import Via
from trunkline.web.sign_in import Caller

MAX_LABEL = 200


def caller_of(request: Request, via: Via) -> Caller:
    """The peer's address (a trusted proxy's word was taken before, by the server) and User-Agent."""
    source = request.client.host if request.client is not None else ""
    label = "".join(c for c in request.headers.get("User-Agent", "") if c.isprintable())
    return Caller(via, source, label[:MAX_LABEL])
