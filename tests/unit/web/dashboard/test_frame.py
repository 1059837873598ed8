"""The frame around every page."""

import pytest

from tests.unit.web.dashboard.conftest import KEY, OPERATOR, Browser
from trunkline.errors import DirectoryError
from trunkline.store.errors import DatabaseError, NotFoundError
from trunkline.web.dashboard.frame import asset, neighbours, refusal


def test_the_frame_says_who_is_signed_in(operator: Browser, customer: Browser) -> None:
    assert OPERATOR in operator.get("/")
    page = customer.get("/")
    assert KEY in page
    assert 'aria-current="page"' in page
    assert "/customers" not in page


def test_what_a_form_is_refused_for() -> None:
    assert refusal(DirectoryError("no digits")) == (422, "no digits")
    assert refusal(NotFoundError("account", "x"))[0] == 404
    with pytest.raises(DatabaseError):
        refusal(DatabaseError("away"))


def test_assets_change_their_path_with_their_content() -> None:
    assert asset("trunkline.css").startswith("/static/")
    assert asset("trunkline.css") != asset("trunkline.js")


def test_pages_of_a_list() -> None:
    assert neighbours("/x", {}, "", None) == ("", "")
    assert neighbours("/x", {"search": "a b"}, "", "k1") == ("", "/x?search=a+b&after=k1")
    assert neighbours("/x", {"search": "a"}, 7, None) == ("/x?search=a", "")
