"""The audit log."""

import re

import pytest

from tests.unit.web.dashboard.conftest import HOSTILE, KEY, NUMBER, OTHER_KEY, Browser
from tests.unit.web.dashboard.versioned import version
from trunkline.store.nodes import NODE
from trunkline.trunk.directory import Kind
from trunkline.web.dashboard.people.audit import Difference, differences
from trunkline.web.office import Office


def test_a_change_is_shown_with_before_and_after(customer: Browser) -> None:
    customer.sent(
        f"/numbers/{NUMBER}/ring", ring_timeout_s="20", version=version(customer, f"/numbers/{NUMBER}")
    )
    page = customer.get(f"/audit?kind=number&key={NUMBER}")
    assert "change number" in page
    assert "ring timeout s" in page
    assert "dashboard" in page
    assert re.search(r"after: </span>20.0</ins>", page)


@pytest.mark.parametrize("kind", [*Kind, NODE, "ban", "user", "session", "webhook", "stock"])
def test_every_kind_of_change_can_be_chosen(operator: Browser, kind: str) -> None:
    assert f'<option value="{kind}" selected>' in operator.get(f"/audit?kind={kind}")


def test_each_sees_the_own(operator: Browser, customer: Browser) -> None:
    assert OTHER_KEY not in customer.get("/audit")
    assert OTHER_KEY in operator.get("/audit")
    assert KEY not in operator.get(f"/audit?account={OTHER_KEY}").partition("<tbody")[2]
    customer.get(f"/audit?account={OTHER_KEY}", 404)


def test_hostile_text_is_text(operator: Browser) -> None:
    page = operator.get(f"/audit?account={OTHER_KEY}&kind=account")
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert" not in page


def test_pages(operator: Browser, office: Office) -> None:
    for number in range(60):
        office.store.accounts.update(KEY, name=f"name {number}")
    page = operator.get(f"/audit?account={KEY}&kind=account")
    assert "name 59" in page
    following = re.search(r'href="([^"]+)" rel="next"', page)
    assert following is not None
    second = operator.get(following[1].replace("&amp;", "&"))
    assert "name 9<" in second
    assert "name 59" not in second
    assert "First page" in second


@pytest.mark.parametrize("after", [2**63, -1, "x"])
def test_a_page_that_can_not_be(operator: Browser, after: int | str) -> None:
    assert "can&#39;t be used" in operator.get(f"/audit?after={after}", 422)
    assert operator.get(f"/audit?after={2**63 - 1}")


def test_nothing_like_that(operator: Browser) -> None:
    assert "No change matches" in operator.get("/audit?key=nobody")
    operator.get("/audit?after=x", 422)


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        (None, {"a": 1, "b": None, "c": []}, [Difference("a", None, "1")]),
        ({"a": True}, {"a": False}, [Difference("a", "yes", "no")]),
        ({"a": ["x", "y"]}, {"a": [{"n": HOSTILE[:8]}]}, [Difference("a", "x, y", '[{"n": "<script>"}]')]),
        ({"a": 0}, None, [Difference("a", "0", None)]),
        (None, None, []),
    ],
)
def test_differences(
    before: dict[str, object] | None, after: dict[str, object] | None, shown: list[Difference]
) -> None:
    assert differences(before, after) == shown
