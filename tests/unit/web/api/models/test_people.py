"""Users, tokens and changes as bodies."""

import pytest
from pydantic import ValidationError

from trunkline.web.api.models.people import NewToken, NewUser


@pytest.mark.parametrize(
    "body",
    [
        {"name": "ann", "password": "short"},
        {"name": "ann", "password": "x" * 1025},
        {"name": "a b", "password": "a long password"},
        {"name": "a:b", "password": "a long password"},
        {"name": "", "password": "a long password"},
        {"name": "x" * 255, "password": "a long password"},
        {"name": "ann", "password": "a long password", "role": "operator"},
    ],
)
def test_who_can_not_sign_in_is_refused(body: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        NewUser.model_validate(body)


def test_a_token_says_what_it_is_for() -> None:
    assert NewToken.model_validate({"label": "report"}).lifetime_s is None
    for body in ({}, {"label": ""}, {"label": "x", "lifetime_s": 0}, {"label": "x", "lifetime_s": 1e12}):
        with pytest.raises(ValidationError):
            NewToken.model_validate(body)
