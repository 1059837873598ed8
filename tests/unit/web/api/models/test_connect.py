"""Configurations as bodies."""

import pytest
from pydantic import ValidationError

from trunkline.web.api.models.connect import SetupBody


@pytest.mark.parametrize(
    "body", [{"secret": ""}, {"secret": "a b"}, {"secret": "x" * 129}, {"number": "12"}, {"tls": "yes"}]
)
def test_what_can_not_be_filled_in_is_refused(body: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        SetupBody.model_validate(body)
