from tests.unit.store.test_nodes import FACTS
from tests.unit.web.customers import OPERATOR, principal
from trunkline.web.api.models.nodes import ListedNodeView, NodeList
from trunkline.web.office import Office


def test_a_node(office: Office) -> None:
    office.store.nodes.enter(FACTS)
    listed = NodeList(items=[ListedNodeView.of(one) for one in office.desk(principal(OPERATOR)).nodes.list()])
    shown = listed.model_dump(mode="json")["items"][0]
    assert (shown["name"], shown["standing"], shown["region"]) == ("n1", "up", "us")
    assert shown["listens"] == ["UDP 192.0.2.1:5060", "TLS 192.0.2.1:5061"]
