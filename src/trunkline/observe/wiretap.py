"""The one observer that the SIP stack knows: every message is counted, and kept for the ladder."""

from trunkline.observe.ladder import Ladder
from trunkline.observe.metrics import Metrics
from trunkline.sip.ports import Flow


class WireTap:
    """An `Observer` that feeds the metrics and, unless it is None, the ladder."""

    __slots__ = ("_ladder", "_metrics")

    def __init__(self, metrics: Metrics, ladder: Ladder | None) -> None:
        self._metrics = metrics
        self._ladder = ladder

    def message_received(self, data: bytes, flow: Flow, call_id: str) -> None:
        self._metrics.message_received(data, flow.transport)
        if self._ladder is not None:
            self._ladder.message_received(data, flow, call_id)

    def message_sent(self, data: bytes, flow: Flow, call_id: str) -> None:
        self._metrics.message_sent(data, flow.transport)
        if self._ladder is not None:
            self._ladder.message_sent(data, flow, call_id)
