"""The one observer that the SIP stack knows: every message is counted, kept for the ladder, and copied to the
collector of HEP, if there is one.
"""

from trunkline.observe.hep_export import HepExporter
from trunkline.observe.ladder import Ladder
from trunkline.observe.metrics import Metrics
from trunkline.sip.ports import Flow


class WireTap:
    """An `Observer` that feeds the metrics and, unless they are None, the ladder and the collector's copy."""

    __slots__ = ("_exporter", "_ladder", "_metrics")

    def __init__(self, metrics: Metrics, ladder: Ladder | None, exporter: HepExporter | None = None) -> None:
        self._metrics = metrics
        self._ladder = ladder
        self._exporter = exporter

    def message_received(self, data: bytes, flow: Flow, call_id: str) -> None:
        self._metrics.message_received(data, flow.transport)
        if self._ladder is not None:
            self._ladder.message_received(data, flow, call_id)
        if self._exporter is not None:
            self._exporter.message(data, flow, call_id, sent=False)

    def message_sent(self, data: bytes, flow: Flow, call_id: str) -> None:
        self._metrics.message_sent(data, flow.transport)
        if self._ladder is not None:
            self._ladder.message_sent(data, flow, call_id)
        if self._exporter is not None:
            self._exporter.message(data, flow, call_id, sent=True)
