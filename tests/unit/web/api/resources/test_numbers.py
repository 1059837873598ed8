"""Numbers."""

import httpx
import pytest

from tests.unit.web.customers import ALPHA, BETA


def test_made_shown_changed_removed(operator: httpx.Client) -> None:
    made = operator.post(
        "/v1/numbers",
        json={
            "e164": "+442079460123",
            "account": "alpha",
            "forwarding": {"entries": ["100@pbx.example"]},
            "ring_timeout_s": 30,
        },
    )
    assert made.status_code == 201
    assert made.headers["location"] == "/v1/numbers/442079460123"
    shown = operator.get("/v1/numbers/+442079460123")
    assert shown.json() == made.json()
    assert shown.headers["etag"] == made.headers["etag"]
    changed = operator.patch(
        "/v1/numbers/442079460123", json={"account": "beta", "ring_timeout_s": None, "forwarding": None}
    ).json()
    assert (changed["account"], changed["ring_timeout_s"], changed["forwarding"]["text"]) == (
        "beta",
        None,
        "",
    )
    assert operator.delete("/v1/numbers/442079460123").status_code == 204
    assert operator.get("/v1/numbers/442079460123").status_code == 404


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"e164": ALPHA.e164, "account": "beta"}, 409),
        ({"e164": "442079460123", "account": "nobody"}, 404),
        ({"e164": "442079460123", "account": "alpha", "forwarding": {"text": "nonsense"}}, 422),
        ({"e164": "442079460123", "account": "alpha", "ring_timeout_s": 0.5}, 422),
        ({"e164": "12", "account": "alpha"}, 422),
    ],
)
def test_what_can_not_be_made(operator: httpx.Client, body: dict[str, object], status: int) -> None:
    assert operator.post("/v1/numbers", json=body).status_code == status


def test_what_is_left_out_stays(operator: httpx.Client) -> None:
    before = operator.get(f"/v1/numbers/{ALPHA.e164}").json()
    assert operator.patch(f"/v1/numbers/{ALPHA.e164}", json={}).json() == before


def test_pages_and_searches(operator: httpx.Client) -> None:
    for last in range(5):
        operator.post("/v1/numbers", json={"e164": f"49301234567{last}", "account": "beta"})
    seen: list[str] = []
    after: str | None = ""
    while after is not None:
        page = operator.get("/v1/numbers", params={"account": "beta", "limit": 2, "after": after}).json()
        seen += [one["e164"] for one in page["items"]]
        after = page["next"]
    assert seen == [BETA.e164, *(f"49301234567{last}" for last in range(5))]
    for query, count in (
        ({"starts_with": "4930"}, 5),
        ({"contains": "1632"}, 2),
        ({"ends_with": "0001"}, 1),
        ({"forwarded": "true"}, 2),
    ):
        assert len(operator.get("/v1/numbers", params=query).json()["items"]) == count


def test_a_customer_changes_what_is_the_own(alpha: httpx.Client) -> None:
    path = f"/v1/numbers/{ALPHA.e164}"
    assert alpha.patch(path, json={"ring_timeout_s": 12}).json()["ring_timeout_s"] == 12
    assert alpha.patch(path, json={"account": "beta"}).status_code == 403
    assert alpha.delete(path).status_code == 403
