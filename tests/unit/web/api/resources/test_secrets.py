"""Secrets."""

import httpx

from tests.unit.web.customers import ALPHA
from trunkline.web.office import Office

PATH = "/v1/accounts/alpha/secrets"


def works(office: Office, secret: str) -> bool:
    return office.store.accounts.verify("alpha", secret) is not None


def test_added_and_revoked(alpha: httpx.Client, office: Office) -> None:
    made = alpha.post(PATH, json={})
    assert made.status_code == 201
    assert works(office, made.json()["secret"])
    assert works(office, ALPHA.secret)
    listed = alpha.get(PATH).json()["items"]
    assert [one["id"] for one in listed][-1] == made.json()["id"]
    assert all("secret" not in one for one in listed)
    assert made.headers["location"] == f"{PATH}/{made.json()['id']}"
    assert alpha.delete(made.headers["location"]).status_code == 204
    assert not works(office, made.json()["secret"])
    assert alpha.delete(made.headers["location"]).status_code == 404


def test_rotated_with_an_overlap(alpha: httpx.Client, office: Office) -> None:
    made = alpha.post(f"{PATH}/rotate", json={"secret": "my-own-secret", "overlap_s": 3600}).json()
    assert (made["secret"], made["expires_at"]) == ("my-own-secret", None)
    old, new = alpha.get(PATH).json()["items"]
    assert old["expires_at"] is not None
    assert new["id"] == made["id"]
    assert works(office, ALPHA.secret)


def test_rotated_at_once(alpha: httpx.Client, office: Office) -> None:
    alpha.post(f"{PATH}/rotate", json={"overlap_s": 0})
    assert not works(office, ALPHA.secret)
    assert len(alpha.get(PATH).json()["items"]) == 1


def test_the_last_one_stays_and_ten_are_the_most(alpha: httpx.Client) -> None:
    [only] = alpha.get(PATH).json()["items"]
    assert alpha.delete(f"{PATH}/{only['id']}").status_code == 409
    statuses = [alpha.post(PATH, json={}).status_code for _ in range(10)]
    assert statuses == [201] * 9 + [409]
