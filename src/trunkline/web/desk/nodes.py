"""The nodes on this database: the operators' business."""

from collections.abc import Sequence
from typing import NamedTuple

from trunkline.store.nodes import Node
from trunkline.web.desk.counter import Counter


class ListedNode(NamedTuple):
    """One node, and what is wrong with it."""

    node: Node
    problems: Sequence[str]
    """Sentences for a person."""


class NodesDesk:
    """See the module. Every method raises `NotAllowedError` for a customer."""

    def __init__(self, counter: Counter) -> None:
        self._counter = counter

    def list(self) -> Sequence[ListedNode]:
        """Every node, by region and name."""
        self._counter.check_operator()
        nodes = self._counter.store.nodes
        revision = nodes.revision()
        return [ListedNode(node, node.problems(revision)) for node in nodes.list()]

    def drain(self, name: str) -> None:
        """Have one take no new calls."""
        self._counter.check_operator()
        self._counter.store.nodes.drain(name)

    def let_back(self, name: str) -> None:
        """Have it take calls again."""
        self._counter.check_operator()
        self._counter.store.nodes.let_back(name)

    def forget(self, name: str) -> None:
        """Take one that is gone off the list. Raises `InUseError` while it runs."""
        self._counter.check_operator()
        self._counter.store.nodes.forget(name)
