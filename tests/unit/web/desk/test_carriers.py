"""Carriers and routes are the operator's."""

import pytest

from tests.unit.web.customers import ALPHA, OPERATOR, principal
from trunkline.store.errors import NotFoundError
from trunkline.trunk.carrier import Carrier
from trunkline.trunk.routes import Route, RouteCarrier
from trunkline.web.errors import ChangedMeanwhileError, NotAllowedError
from trunkline.web.office import Office
from trunkline.web.versions import unchanged, version_of

BACKUP = Route("4420", (RouteCarrier("backup"),))


def test_no_customer_sees_or_changes_them(office: Office) -> None:
    desk = office.desk(principal(ALPHA.user))
    for act in (
        desk.carriers.list,
        desk.carriers.page,
        lambda: desk.carriers.get("upstream"),
        lambda: desk.carriers.add(Carrier("backup", ())),
        lambda: desk.carriers.update("upstream", enabled=False),
        lambda: desk.carriers.remove("upstream"),
        lambda: desk.carriers.ping("upstream", 1),
        desk.routes.page,
        lambda: desk.routes.get("44"),
        lambda: desk.routes.add(BACKUP),
        lambda: desk.routes.update(Route("44", (RouteCarrier("upstream", 1),))),
        lambda: desk.routes.remove("44"),
        lambda: desk.routes.find("441632960001"),
    ):
        with pytest.raises(NotAllowedError, match="only an operator"):
            act()


def test_the_operator_does(office: Office) -> None:
    desk = office.desk(principal(OPERATOR))
    desk.carriers.add(Carrier("backup", ()))
    desk.routes.add(BACKUP)
    assert [carrier.name for carrier in desk.carriers.list()] == ["backup", "upstream"]
    assert desk.carriers.update("backup", enabled=False) == desk.carriers.get("backup")
    assert desk.routes.find("442079460000") == BACKUP == desk.routes.get("4420")
    assert desk.routes.find("15550100") is None
    with pytest.raises(ChangedMeanwhileError):
        desk.routes.update(Route("4420", (RouteCarrier("upstream"),)), guard=unchanged("an old version"))
    assert desk.routes.get("4420") == BACKUP
    desk.routes.update(Route("4420", (RouteCarrier("upstream"),)), guard=unchanged(version_of(BACKUP)))
    desk.carriers.remove("backup")
    desk.routes.remove("4420")
    assert [route.prefix for route in desk.routes.page().items] == ["44"]
    with pytest.raises(NotFoundError):
        desk.carriers.get("backup")


def test_a_gateway_is_pinged_by_its_place(office: Office) -> None:
    desk = office.desk(principal(OPERATOR)).carriers
    assert desk.ping("upstream", 1).status == 200
    for position in (0, 2):
        with pytest.raises(NotFoundError, match="gateway"):
            desk.ping("upstream", position)


def test_a_guard_stops_a_change(office: Office) -> None:
    def refuse(_route: Route) -> None:
        raise KeyError("changed meanwhile")

    with pytest.raises(KeyError):
        office.desk(principal(OPERATOR)).routes.update(
            Route("44", (RouteCarrier("upstream", 1),)), guard=refuse
        )
    assert office.store.routes.get("44").carriers[0].priority == 0
