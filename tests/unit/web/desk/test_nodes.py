"""The nodes, and whose business they are."""

import pytest

from tests.unit.store.test_nodes import FACTS, PULSE, aged
from tests.unit.web.customers import ALPHA, OPERATOR, principal
from trunkline.store.errors import InUseError
from trunkline.store.nodes import Standing
from trunkline.web.errors import NotAllowedError
from trunkline.web.office import Office


def test_an_operator_sees_drains_and_forgets_nodes(office: Office) -> None:
    office.store.nodes.enter(FACTS._replace(revision="0001"))
    desk = office.desk(principal(OPERATOR)).nodes
    [listed] = desk.list()
    assert listed.node.standing is Standing.UP
    assert "needs schema 0001" in listed.problems[0]
    desk.drain("n1")
    office.store.nodes.beat("n1", "first", PULSE, 0.0)
    assert desk.list()[0].node.standing is Standing.DRAINING
    desk.let_back("n1")
    with pytest.raises(InUseError):
        desk.forget("n1")
    aged(office.store.database, "n1", 3600)
    desk.forget("n1")
    assert desk.list() == []


def test_a_customer_does_not(office: Office) -> None:
    office.store.nodes.enter(FACTS)
    desk = office.desk(principal(ALPHA.user)).nodes
    for act in (
        desk.list,
        lambda: desk.drain("n1"),
        lambda: desk.let_back("n1"),
        lambda: desk.forget("n1"),
    ):
        with pytest.raises(NotAllowedError):
            act()
    assert office.store.nodes.list()[0].drained_at is None
