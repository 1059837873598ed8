"""The metrics of a node, in Prometheus' exposition format.

Counting happens on the call path and costs a dictionary's increment; everything else (names, labels, text)
happens when somebody scrapes. So the families here are plain integers behind one custom collector, not
`prometheus_client` counters, whose increments take a lock.

Label values come from closed sets (methods, verdict slugs, transports), never from a peer's bytes: the
number of series is bounded whatever arrives.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping

from prometheus_client import (
    CollectorRegistry,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from trunkline.call.record import AttemptRecord, CallRecord
from trunkline.sip.ports import Transport

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""The media type of `Metrics.exposition`."""

SETUP_BOUNDS_S = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0)
LAG_BOUNDS_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0)

_METHODS = [
    "INVITE",
    "ACK",
    "BYE",
    "CANCEL",
    "OPTIONS",
    "REGISTER",
    "PRACK",
    "UPDATE",
    "INFO",
    "REFER",
    "MESSAGE",
    "SUBSCRIBE",
    "NOTIFY",
    "PUBLISH",
]
_KINDS = {method.encode("ascii"): method for method in _METHODS}
_CLASSES = {str(digit).encode("ascii"): f"{digit}xx" for digit in range(1, 7)}


def _kind(data: bytes) -> str:
    """The method or status class of a SIP message (RFC 3261 §7.1, §7.2), from its first bytes only."""
    kind = _KINDS.get(data[: data.find(b" ", 0, 12)])
    if kind is None:
        return _CLASSES.get(data[8:9], "other") if data[:8] == b"SIP/2.0 " else "other"
    return kind


class Counts:
    """One counter family: a number for each combination of label values."""

    __slots__ = ("labels", "name", "text", "values")

    def __init__(self, name: str, text: str, labels: tuple[str, ...]) -> None:
        self.name = name
        self.text = text
        self.labels = labels
        self.values: defaultdict[tuple[str, ...], float] = defaultdict(int)

    def add(self, *labels: str, by: float = 1) -> None:
        """Count `by` more under `labels`, one value for each name of the family, from a closed set."""
        self.values[labels] += by

    def collect(self) -> Metric:
        family = CounterMetricFamily(self.name, self.text, labels=self.labels)
        for labels, value in self.values.copy().items():
            family.add_metric(labels, value)
        return family


class Distribution:
    """One histogram: how many observations lay at or under each bound, and their sum."""

    __slots__ = ("bounds", "counts", "name", "sum", "text")

    def __init__(self, name: str, text: str, bounds: tuple[float, ...]) -> None:
        self.name = name
        self.text = text
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def add(self, value: float) -> None:
        """Observe `value`, in the unit that the name ends in."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value

    def collect(self) -> Metric:
        buckets: list[tuple[str, float]] = []
        running = 0
        for bound, count in zip((*map(str, self.bounds), "+Inf"), self.counts, strict=True):
            running += count
            buckets.append((bound, running))
        return HistogramMetricFamily(self.name, self.text, buckets=buckets, sum_value=self.sum)


Read = Callable[[], float | Mapping[str, float]]
"""Gives a number, or one for each value of a label."""


class Reading:
    """A number that its own room keeps, read when somebody scrapes: a gauge, or a counter that only grows."""

    __slots__ = ("family", "label", "name", "read", "text")

    def __init__(
        self,
        family: type[GaugeMetricFamily] | type[CounterMetricFamily],
        name: str,
        text: str,
        read: Read,
        label: str,
    ) -> None:
        self.family = family
        self.name = name
        self.text = text
        self.read = read
        self.label = label

    def collect(self) -> Metric:
        value = self.read()
        if not isinstance(value, Mapping):
            return self.family(self.name, self.text, value=value)
        family = self.family(self.name, self.text, labels=[self.label])
        for label, number in value.items():
            family.add_metric([label], number)
        return family


class Metrics(Collector):
    """Every metric of one node. The rooms are handed the family they count in, or a method of this class."""

    def __init__(self) -> None:
        self.calls = Counts("trunkline_calls", "Calls that have ended.", ("direction", "verdict"))
        self.attempts = Counts("trunkline_attempts", "Attempts that have ended.", ("direction", "verdict"))
        self.talk_s = Counts("trunkline_talk_seconds", "Answered time of ended calls.", ("direction",))
        self.setup_s = Distribution(
            "trunkline_setup_seconds", "From the INVITE to ringing or answer.", SETUP_BOUNDS_S
        )
        self.messages = Counts(
            "trunkline_sip_messages", "SIP messages on the wire.", ("way", "kind", "transport")
        )
        self.loop_lag_s = Distribution(
            "trunkline_loop_lag_seconds", "How late the event loop runs what is due.", LAG_BOUNDS_S
        )
        self._readings: list[Reading] = []
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)
        GCCollector(registry=self._registry)
        self._registry.register(self)

    def gauge(self, name: str, text: str, read: Read, *, label: str = "kind") -> None:
        """Add a value read at scrape time: active calls, registrations, media ports in use, bans, queue
        lengths.

        `name` is without the prefix `trunkline_`. A `read` that returns a mapping gives one series for each
        key, under `label`; its keys come from a closed set.
        """
        self._readings.append(Reading(GaugeMetricFamily, f"trunkline_{name}", text, read, label))

    def counter(self, name: str, text: str, read: Read, *, label: str = "kind") -> None:
        """As `gauge`, for a number that only grows: what the door turned away, what the ladder lost."""
        self._readings.append(Reading(CounterMetricFamily, f"trunkline_{name}", text, read, label))

    def call_ended(self, record: CallRecord) -> None:
        """Count a closed call."""
        direction = record.direction.value
        self.calls.values[direction, str(record.verdict.slug) if record.verdict is not None else ""] += 1
        self.talk_s.values[direction,] += record.talk_s
        if record.ringing_at is not None or record.answered_at is not None:
            self.setup_s.add(record.setup_s or 0.0)

    def attempt_ended(self, record: AttemptRecord) -> None:
        """Count an attempt that was answered and ended, or was left."""
        direction = "outbound" if record.carrier is not None else "inbound"
        self.attempts.values[direction, str(record.verdict.slug) if record.verdict is not None else ""] += 1

    def message_received(self, data: bytes, transport: Transport) -> None:
        """Count one message in, by method or status class."""
        self.messages.values["in", _kind(data), transport] += 1

    def message_sent(self, data: bytes, transport: Transport) -> None:
        """Count one message out, by method or status class."""
        self.messages.values["out", _kind(data), transport] += 1

    def collect(self) -> Iterator[Metric]:
        for family in (self.calls, self.attempts, self.talk_s, self.messages):
            yield family.collect()
        yield self.setup_s.collect()
        yield self.loop_lag_s.collect()
        for reading in self._readings:
            yield reading.collect()

    def exposition(self) -> bytes:
        """Everything as Prometheus' text format 0.0.4 (`CONTENT_TYPE`)."""
        return generate_latest(self._registry)
