"""What the node knows, as bodies."""

import pytest
from pydantic import ValidationError

from tests.unit.web.paper_node import HEALTH, REGISTRATION, PaperNode
from trunkline.web.api.models.network import (
    Draining,
    HealthView,
    QuestionBody,
    RegistrationView,
    StatsView,
)


def test_views() -> None:
    assert RegistrationView.model_validate(REGISTRATION).expires_at.timestamp() == 4600.0
    health = HealthView.model_validate(HEALTH)
    assert (health.state, health.results) == ("down", [True, False, False, False])
    assert StatsView.model_validate(PaperNode().stats()).started_at.timestamp() == 900.0


@pytest.mark.parametrize("called", ["", "x" * 65, "1\n2"])
def test_a_question_is_bounded(called: str) -> None:
    with pytest.raises(ValidationError):
        QuestionBody.model_validate({"direction": "inbound", "called": called})


@pytest.mark.parametrize("timeout_s", [-1, 86401, float("inf")])
def test_draining_is_bounded(timeout_s: float) -> None:
    with pytest.raises(ValidationError):
        Draining(timeout_s=timeout_s)
