"""One running node: the composition root, and the only place that knows every room."""

from trunkline.node.node import Node
from trunkline.node.run import run

__all__ = ["Node", "run"]
