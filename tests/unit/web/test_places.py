"""Nobody keeps the others from what takes seconds."""

import pytest

from trunkline.web.errors import TooManyAttemptsError
from trunkline.web.places import Places


@pytest.fixture
def places() -> Places:
    return Places(4, 2, "exports", 30)


def test_a_customer_has_a_share(places: Places) -> None:
    places.take("alpha")
    places.take("alpha")
    with pytest.raises(TooManyAttemptsError, match="too many exports are under way; try again in 30 s"):
        places.take("alpha")
    places.take("beta")
    places.give_back("alpha")
    places.take("alpha")


def test_customers_leave_one_for_the_operators(places: Places) -> None:
    for account in ("alpha", "beta", "gamma"):
        places.take(account)
    with pytest.raises(TooManyAttemptsError):
        places.take("delta")
    places.take(None)
    with pytest.raises(TooManyAttemptsError):
        places.take(None)


def test_operators_may_have_all_of_them(places: Places) -> None:
    for _ in range(4):
        places.take(None)
    for account in (None, "alpha"):
        with pytest.raises(TooManyAttemptsError):
            places.take(account)


def test_a_block_gives_its_place_back_however_it_ends(places: Places) -> None:
    for _ in range(5):
        with pytest.raises(RuntimeError), places.taken("alpha"):
            raise RuntimeError
    with (
        places.taken("alpha"),
        places.taken("alpha"),
        pytest.raises(TooManyAttemptsError),
        places.taken("alpha"),
    ):
        pass
