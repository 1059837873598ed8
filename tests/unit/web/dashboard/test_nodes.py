"""The page of the nodes."""

from tests.unit.store.test_nodes import FACTS, aged
from tests.unit.web.dashboard.conftest import HOSTILE, Browser
from trunkline.web.office import Office


def test_nodes_are_shown_drained_and_let_back(operator: Browser, customer: Browser, office: Office) -> None:
    assert "No node has started yet" in operator.get("/nodes")
    customer.get("/nodes", 403)
    office.store.nodes.enter(FACTS._replace(revision=office.store.nodes.revision()))
    page = operator.get("/nodes")
    assert "UDP 192.0.2.1:5060" in page
    assert "Forget" not in page
    assert "n1 takes no new calls from now on." in operator.sent("/nodes/drain", name="n1")
    assert "n1 takes calls again." in operator.sent("/nodes/return", name="n1")
    customer.post("/nodes/drain", 403, name="n1")
    aged(office.store.database, "n1", 3600)
    assert "Node n1 is lost: it was last heard of 36" in operator.get("/nodes")
    assert "n1 is off the list." in operator.sent("/nodes/forget", name="n1")
    operator.post("/nodes/forget", 404, name="n1")


def test_a_name_is_no_markup(operator: Browser, office: Office) -> None:
    office.store.nodes.enter(FACTS._replace(name=HOSTILE))
    page = operator.get("/nodes")
    assert "<script>alert(1)" not in page


def test_the_overview_says_how_many_take_calls_and_what_is_wrong(operator: Browser, office: Office) -> None:
    assert "Edges up" not in operator.get("/")
    office.store.nodes.enter(FACTS)
    office.store.nodes.enter(FACTS._replace(name="n2", identity="there"))
    office.store.nodes.drain("n2")
    page = operator.get("/")
    assert '<dt>Edges up</dt><dd><a href="/nodes">1</a><span class="of"> of 2</span>' in page
    assert "Node n2 is drained: it takes no new calls." in page
    aged(office.store.database, "n1", 3600)
    assert "Node n1 is lost" in operator.get("/")
