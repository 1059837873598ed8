"""The API's app."""

import httpx

from trunkline.web.api.app import api_app
from trunkline.web.office import Office


def test_every_path_is_the_apis(office: Office) -> None:
    paths = api_app(office).openapi()["paths"]
    assert len(paths) > 35
    assert all(path.startswith("/v1/") for path in paths)


def test_a_slash_at_the_end_is_another_path(operator: httpx.Client) -> None:
    assert operator.get("/v1/accounts/").status_code == 404


def test_operations_are_named_for_generators_of_clients(office: Office) -> None:
    document = api_app(office).openapi()
    names = [operation["operationId"] for item in document["paths"].values() for operation in item.values()]
    assert len(set(names)) == len(names)
    assert {"list_numbers", "set_forwarding", "hang_up", "rotate_secret"} <= set(names)
