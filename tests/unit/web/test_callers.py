"""Where a request came from."""

from starlette.requests import Request

from trunkline.store.audit import Via
from trunkline.web.callers import MAX_LABEL, caller_of


def request(client: tuple[str, int] | None, agent: bytes | None) -> Request:
    headers = [] if agent is None else [(b"user-agent", agent)]
    return Request({"type": "http", "client": client, "headers": headers})


def test_the_peer_and_its_user_agent() -> None:
    caller = caller_of(request(("192.0.2.7", 40000), b"curl/8"), Via.API)
    assert (caller.via, caller.source, caller.label) == (Via.API, "192.0.2.7", "curl/8")


def test_hostile_labels_are_cut_and_printable() -> None:
    label = caller_of(request(("192.0.2.7", 1), b"a\x1b[31m\x00" + b"x" * 70000), Via.DASHBOARD).label
    assert label.startswith("a[31mx")
    assert len(label) == MAX_LABEL
    assert label.isprintable()


def test_nobody() -> None:
    caller = caller_of(request(None, None), Via.NEXMO)
    assert (caller.source, caller.label) == ("", "")
