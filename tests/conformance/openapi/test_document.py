"""The API does what its OpenAPI document says: schemathesis sends what fits the document, and what doesn't.

Not checked: that everything that fits is accepted. What a schema can't say (a carrier that exists, a policy
that needs a number) is refused with 404, 409 or 422, which the document tells.
"""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi import checks as openapi
from starlette.types import ASGIApp

from tests.unit.web.customers import OPERATOR, busy_node, furnish, office_of, principal
from trunkline.config import Settings
from trunkline.store.store import Store
from trunkline.web.api.app import api_app
from trunkline.web.office import Office

CHECKS = [
    not_a_server_error,
    openapi.status_code_conformance,
    openapi.content_type_conformance,
    openapi.response_headers_conformance,
    openapi.response_schema_conformance,
    openapi.negative_data_rejection,
    openapi.unsupported_method,
]
EXAMPLES = {GenerationMode.POSITIVE: 6, GenerationMode.NEGATIVE: 6}


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    home = tmp_path_factory.mktemp("office")
    made = Settings(node={"data_dir": home})  # type: ignore[arg-type]
    store = Store.initialise(made.database_url, made.key_file, made.service.domain)
    furnish(store)
    store.close()
    office = office_of(home, busy_node(), api_requests_per_minute=1_000_000)
    yield office
    office.close()


@pytest.fixture(scope="module")
def app(office: Office) -> ASGIApp:
    return api_app(office)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("mode", EXAMPLES)
def test_every_operation(app: ASGIApp, office: Office, mode: GenerationMode) -> None:
    token, _ = office.desk(principal(OPERATOR)).people.open_token("schemathesis")
    headers = {"Authorization": f"Bearer {token}"}
    schema = schemathesis.openapi.from_asgi("/v1/openapi.json", app)
    asked = 0
    for result in schema.get_all_operations():
        assert isinstance(result, Ok), result
        operation = result.ok()

        @settings(
            max_examples=EXAMPLES[mode],
            deadline=None,
            database=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def ask(case: Any) -> None:
            nonlocal asked
            case.call_and_validate(checks=CHECKS, headers=headers)
            asked += 1

        ask()
    assert asked > 200
