"""Routes: which carrier takes which numbers, the operator's alone."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from trunkline.trunk.e164 import normalise
from trunkline.trunk.routes import Route
from trunkline.web.api.front import AtDesk
from trunkline.web.api.models.carrier import (
    NewRoute,
    RouteCarriers,
    RoutePage,
    RouteTest,
    RouteView,
    prefix_of,
)
from trunkline.web.api.once import Made, OnlyOnce
from trunkline.web.api.resources.parameters import Limit, NumberPath
from trunkline.web.api.tags import IfMatch, guard_of, tag_of, tagged

router = APIRouter(prefix="/v1/routes", tags=["Routes"])

PREFIX_OR_ALL = r"^([0-9]{1,15}|all)$"
PrefixPath = Annotated[
    str,
    Path(
        pattern=PREFIX_OR_ALL,
        description="The prefix; `all` is the one of every number.",
        examples=["44"],
    ),
]


@router.get("")
def list_routes(
    desk: AtDesk,
    after: Annotated[
        str | None, Query(pattern=PREFIX_OR_ALL, description="`next` of the page before.", examples=["44"])
    ] = None,
    limit: Limit = 50,
) -> RoutePage:
    """Routes by prefix, that of every number first."""
    found = desk.routes.page(after=None if after is None else prefix_of(after), limit=limit)
    views = [RouteView.of(one) for one in found.items]
    return RoutePage(items=views, next=views[-1].prefix if found.more else None)


@router.post("", status_code=201, response_model=RouteView)
def add_route(desk: AtDesk, once: OnlyOnce, new: NewRoute) -> Response:
    """Send the numbers that begin with a prefix to carriers."""

    def make() -> Made:
        added = desk.routes.add(new.route(new.prefix))
        return Made(RouteView.of(added), f"/v1/routes/{new.prefix}", tag_of(added))

    return once.make(make)


@router.get("/{prefix}")
def get_route(desk: AtDesk, prefix: PrefixPath, response: Response) -> RouteView:
    """One route."""
    return _shown(response, desk.routes.get(prefix_of(prefix)))


@router.put("/{prefix}")
def set_route(
    desk: AtDesk, prefix: PrefixPath, carriers: RouteCarriers, response: Response, if_match: IfMatch = None
) -> RouteView:
    """Give a prefix that has a route other carriers."""
    return _shown(response, desk.routes.update(carriers.route(prefix), guard=guard_of(if_match)))


@router.delete("/{prefix}", status_code=204)
def remove_route(desk: AtDesk, prefix: PrefixPath, if_match: IfMatch = None) -> None:
    """Remove a route: the next shorter prefix takes its numbers."""
    desk.routes.remove(prefix_of(prefix), guard=guard_of(if_match))


@router.get("/test/{e164}")
def test_number(desk: AtDesk, e164: NumberPath) -> RouteTest:
    """The route that calls to a number take."""
    digits = normalise(e164)
    found = desk.routes.find(digits)
    return RouteTest(number=digits, route=None if found is None else RouteView.of(found))


def _shown(response: Response, route: Route) -> RouteView:
    tagged(response, route)
    return RouteView.of(route)
