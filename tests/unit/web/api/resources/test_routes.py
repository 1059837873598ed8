"""Routes."""

import httpx


def carriers(*weights: int) -> dict[str, object]:
    return {"carriers": [{"carrier": "upstream", "weight": weight} for weight in weights]}


def test_made_shown_changed_removed(operator: httpx.Client) -> None:
    made = operator.post("/v1/routes", json={"prefix": "all", **carriers(1)})
    assert (made.status_code, made.headers["location"]) == (201, "/v1/routes/all")
    shown = operator.get("/v1/routes/all")
    assert (shown.json(), shown.headers["etag"]) == (made.json(), made.headers["etag"])
    assert operator.put("/v1/routes/all", json=carriers(7)).json()["carriers"][0]["weight"] == 7
    assert [one["prefix"] for one in operator.get("/v1/routes").json()["items"]] == ["all", "44"]
    assert operator.delete("/v1/routes/all").status_code == 204
    assert operator.get("/v1/routes/all").status_code == 404


def test_what_can_not_be_made(operator: httpx.Client) -> None:
    assert operator.post("/v1/routes", json={"prefix": "44", **carriers(1)}).status_code == 409
    unknown = {"prefix": "49", "carriers": [{"carrier": "nobody"}]}
    assert operator.post("/v1/routes", json=unknown).status_code == 404
    assert operator.post("/v1/routes", json={"prefix": "49", **carriers(1, 2)}).status_code == 422
    assert operator.put("/v1/routes/49", json=carriers(1)).status_code == 404


def test_which_route_a_number_takes(operator: httpx.Client) -> None:
    found = operator.get("/v1/routes/test/+441632960001").json()
    assert (found["number"], found["route"]["prefix"]) == ("441632960001", "44")
    assert operator.get("/v1/routes/test/15550100").json()["route"] is None
