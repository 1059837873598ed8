"""The nodes on this database."""

from datetime import datetime

from pydantic import Field

from trunkline.store.nodes import Standing
from trunkline.web.api.models.base import Body
from trunkline.web.desk.nodes import ListedNode


class ListedNodeView(Body):
    """One node, as it was last heard of."""

    name: str = Field(examples=["sip-eu1"])
    region: str | None = Field(examples=["eu"])
    standing: Standing = Field(examples=["up"])
    calls: int = Field(examples=[12])
    load: float = Field(description="Processor seconds used in a second.", examples=[0.25])
    version: str = Field(examples=["0.1.0"])
    started_at: datetime
    heard_at: datetime = Field(description="Its last sign of life.")
    listens: list[str] = Field(examples=[["UDP 203.0.113.10:5060"]])
    problems: list[str] = Field(description="What is wrong with it, in sentences.", examples=[[]])

    @classmethod
    def of(cls, listed: ListedNode) -> "ListedNodeView":
        """From the desk's."""
        node, problems = listed
        return cls.model_validate(
            {
                "name": node.name,
                "region": node.region,
                "standing": node.standing,
                "calls": node.calls,
                "load": node.load,
                "version": node.version,
                "started_at": node.started_at,
                "heard_at": node.seen_at,
                "listens": [str(each) for each in node.listens],
                "problems": problems,
            }
        )


class NodeList(Body):
    """All nodes, by region and name."""

    items: list[ListedNodeView]
