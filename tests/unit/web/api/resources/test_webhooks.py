"""Webhooks over the API."""

import httpx
import pytest

from trunkline.store.webhook_queue import DeliveryState, NewEvent, Result
from trunkline.web.office import Office

URL = "https://example.com/hook"
LATER = 9e9


def made(client: httpx.Client, **fields: object) -> str:
    answer = client.post("/v1/webhooks", json={"url": URL, **fields})
    assert answer.status_code == 201, answer.text
    return str(answer.headers["location"])


def put(office: Office, *ids: str) -> None:
    office.store.webhook_queue.put(
        [NewEvent(id_, "call.failed", "alpha", LATER, f'{{"id":"{id_}"}}') for id_ in ids], LATER
    )


def test_made_shown_changed_and_removed(alpha: httpx.Client, office: Office) -> None:
    answer = alpha.post("/v1/webhooks", json={"url": URL, "events": ["call.failed"]})
    secret = answer.json()["secret"]
    path = answer.headers["location"]
    assert office.store.webhooks.secret(answer.json()["id"]) == secret
    shown = alpha.get(path)
    assert shown.json() == {key: value for key, value in answer.json().items() if key != "secret"}
    assert shown.headers["etag"] == answer.headers["etag"]
    assert (shown.json()["account"], shown.json()["enabled"], shown.json()["dropped"]) == ("alpha", True, 0)
    changed = alpha.patch(path, json={"enabled": False, "events": []})
    assert (changed.json()["enabled"], changed.json()["events"], changed.json()["url"]) == (False, [], URL)
    assert alpha.get("/v1/webhooks").json()["items"] == [changed.json()]
    assert alpha.delete(path).status_code == 204
    assert alpha.get(path).status_code == 404


def test_nobody_overwrites_what_was_changed_meanwhile(alpha: httpx.Client) -> None:
    path = made(alpha)
    tag = alpha.get(path).headers["etag"]
    assert alpha.patch(path, json={"enabled": False}, headers={"If-Match": tag}).status_code == 200
    assert alpha.patch(path, json={"enabled": True}, headers={"If-Match": tag}).status_code == 412


def test_the_secret_is_replaced(alpha: httpx.Client, office: Office) -> None:
    path = made(alpha)
    answer = alpha.post(f"{path}/rotate-secret")
    assert answer.status_code == 200
    assert office.store.webhooks.secret(path.rpartition("/")[2]) == answer.json()["secret"]


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1/", "http://169.254.169.254/latest", "ftp://example.com/", "https://a:b@example.com/"],
)
def test_where_nothing_may_be_sent(alpha: httpx.Client, url: str) -> None:
    answer = alpha.post("/v1/webhooks", json={"url": url})
    assert (answer.status_code, answer.json()["type"]) == (422, "/v1/docs#invalid")
    assert alpha.patch(made(alpha), json={"url": url}).status_code == 422


def test_an_operator_says_whose(operator: httpx.Client) -> None:
    answer = operator.post("/v1/webhooks", json={"url": URL})
    assert answer.status_code == 422
    assert "account" in answer.json()["detail"]
    made(operator, account="alpha")
    made(operator, account="beta")
    assert len(operator.get("/v1/webhooks").json()["items"]) == 2
    (one,) = operator.get("/v1/webhooks?account=beta").json()["items"]
    assert one["account"] == "beta"


def test_deliveries_are_seen_page_by_page_and_sent_again(alpha: httpx.Client, office: Office) -> None:
    path = made(alpha)
    put(office, "e1", "e2", "e3")
    queue = office.store.webhook_queue
    (first, *_) = queue.claim({path.rpartition("/")[2]: 1}, LATER)
    queue.note([Result(first, DeliveryState.FAILED, LATER, 410, "gone for good", None)])
    page = alpha.get(f"{path}/deliveries?limit=2").json()
    assert [one["event_id"] for one in page["items"]] == ["e3", "e2"]
    rest = alpha.get(f"{path}/deliveries?limit=2&before={page['next']}").json()
    assert rest["next"] is None
    (failed,) = rest["items"]
    assert (failed["state"], failed["status"], failed["detail"]) == ("failed", 410, "gone for good")
    assert failed["body"] == {"id": "e1"}
    assert alpha.get(f"{path}/deliveries?state=failed").json()["items"] == [failed]
    again = alpha.post(f"{path}/deliveries/{failed['id']}/resend")
    assert (again.status_code, again.json()["state"], again.json()["event_id"]) == (200, "waiting", "e1")
    assert alpha.post(f"{path}/deliveries/999/resend").status_code == 404


def test_a_trial(alpha: httpx.Client) -> None:
    path = made(alpha, events=["call.failed"])
    told = alpha.post(f"{path}/test").json()
    assert (told["type"], told["state"], told["body"]["webhook"]) == (
        "webhook.test",
        "waiting",
        path.rpartition("/")[2],
    )
    assert [one["id"] for one in alpha.get(f"{path}/deliveries").json()["items"]] == [told["id"]]
    alpha.patch(path, json={"enabled": False})
    assert alpha.post(f"{path}/test").status_code == 409
