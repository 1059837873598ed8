"""Nobody overwrites what somebody else changed meanwhile."""

from typing import Any

import httpx
import pytest

from tests.unit.web.customers import ALPHA
from trunkline.trunk.number import Number
from trunkline.web.api.tags import guard_of, tag_of
from trunkline.web.errors import ChangedMeanwhileError

NUMBER = Number("441632960001", "alpha")
CHANGES: list[tuple[str, str, str, dict[str, Any], dict[str, Any]]] = [
    ("/v1/accounts/alpha", "", "PATCH", {"name": "A"}, {"name": "B"}),
    (f"/v1/numbers/{ALPHA.e164}", "", "PATCH", {"ring_timeout_s": 20}, {"ring_timeout_s": 30}),
    (f"/v1/numbers/{ALPHA.e164}", "/forwarding", "PUT", {"text": "1@a.example"}, {"text": "1@b.example"}),
    ("/v1/carriers/upstream", "", "PATCH", {"enabled": False}, {"enabled": True}),
    (
        "/v1/routes/44",
        "",
        "PUT",
        {"carriers": [{"carrier": "upstream", "weight": 2}]},
        {"carriers": [{"carrier": "upstream", "weight": 3}]},
    ),
]


@pytest.mark.parametrize(("thing", "part", "method", "first", "second"), CHANGES)
def test_a_change_is_made_to_the_version_that_was_seen(
    operator: httpx.Client, thing: str, part: str, method: str, first: Any, second: Any
) -> None:
    path = thing + part
    seen = operator.get(path).headers["etag"]
    changed = operator.request(method, path, json=first, headers={"If-Match": seen})
    assert changed.status_code == 200
    late = operator.request(method, path, json=second, headers={"If-Match": seen})
    assert (late.status_code, late.json()["type"]) == (412, "/v1/docs#changed-meanwhile")
    got = operator.get(path)
    assert got.json() == changed.json()
    assert got.headers["etag"] == changed.headers["etag"] != seen
    assert operator.request(method, path, json=second).status_code == 200


@pytest.mark.parametrize(
    ("thing", "body"),
    [
        ("/v1/accounts/gamma", {"name": "A"}),
        (f"/v1/numbers/{ALPHA.e164}", {"ring_timeout_s": 20}),
        ("/v1/carriers/spare", {"enabled": False}),
        ("/v1/routes/44", {"carriers": [{"carrier": "upstream", "weight": 2}]}),
        ("/v1/webhooks", {"enabled": False}),
    ],
)
def test_a_removal_is_of_the_version_that_was_seen(operator: httpx.Client, thing: str, body: Any) -> None:
    operator.post("/v1/accounts", json={"key": "gamma"})
    operator.post("/v1/carriers", json={"name": "spare", "gateways": [{"uri": "sip:a.example"}]})
    if thing == "/v1/webhooks":
        hook = {"url": "https://example.com/", "account": "alpha"}
        thing = operator.post(thing, json=hook).headers["location"]
    seen = operator.get(thing).headers["etag"]
    change = "PUT" if "routes" in thing else "PATCH"
    assert operator.request(change, thing, json=body).status_code == 200
    assert operator.delete(thing, headers={"If-Match": seen}).status_code == 412
    now = operator.get(thing).headers["etag"]
    assert operator.delete(thing, headers={"If-Match": now}).status_code == 204
    assert operator.get(thing).status_code == 404


def test_any_version() -> None:
    assert guard_of(None) is None
    assert guard_of(" * ") is None


@pytest.mark.parametrize("header", ["{}", '"x", {}', "{} , y"])
def test_one_of_several(header: str) -> None:
    guard = guard_of(header.format(tag_of(NUMBER)))
    assert guard is not None
    guard(NUMBER)


@pytest.mark.parametrize("header", ["", '"x"', "W/{}", "nonsense"])
def test_none_of_them(header: str) -> None:
    """A weak tag never matches (RFC 9110 §13.1.1: strong comparison)."""
    guard = guard_of(header.format(tag_of(NUMBER)))
    assert guard is not None
    with pytest.raises(ChangedMeanwhileError, match="get it again"):
        guard(NUMBER)
