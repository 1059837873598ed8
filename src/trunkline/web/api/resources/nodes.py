"""The nodes on this database, the operators' alone."""

from typing import Annotated

from fastapi import APIRouter, Path

from trunkline.web.api.front import AtDesk
from trunkline.web.api.models.nodes import ListedNodeView, NodeList

router = APIRouter(prefix="/v1/nodes", tags=["Network"])

NodePath = Annotated[
    str,
    Path(
        min_length=1,
        max_length=64,
        pattern=r"^[^/\x00-\x1f\x7f]+$",
        description="The node's name.",
        examples=["sip-eu1"],
    ),
]


@router.get("")
def list_nodes(desk: AtDesk) -> NodeList:
    """Every node: how it stands, its calls and load, and what is wrong with it (operators)."""
    return NodeList(items=[ListedNodeView.of(one) for one in desk.nodes.list()])


@router.post("/{name}/drain", status_code=204)
def drain_node(desk: AtDesk, name: NodePath) -> None:
    """Have a node take no new calls, restarts included, until it is let back (operators)."""
    desk.nodes.drain(name)


@router.post("/{name}/return", status_code=204)
def let_node_back(desk: AtDesk, name: NodePath) -> None:
    """Have a drained node take calls again (operators)."""
    desk.nodes.let_back(name)


@router.delete("/{name}", status_code=204)
def forget_node(desk: AtDesk, name: NodePath) -> None:
    """Take a node that is gone for good off the list (operators)."""
    desk.nodes.forget(name)
