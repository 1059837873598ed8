"""The API's app."""

import threading
from typing import Any

import httpx
import pytest

from trunkline.web.api.app import api_app
from trunkline.web.api.openapi import describe
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


def test_the_document_is_made_once_for_requests_that_come_together(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of them looks its parameters up there; half of it would be no answer to who asks for it."""
    served, found = api_app(office), list[bool]()
    other = threading.Thread(
        target=lambda: found.append("Problem" in served.openapi()["components"]["schemas"])
    )

    def slowly(document: Any) -> Any:
        other.start()
        other.join(0.05)
        return describe(document)

    monkeypatch.setattr("trunkline.web.api.app.describe", slowly)
    served.openapi()
    other.join()
    assert found == [True]
