"""What operators watch, in the words of Prometheus: how many requests of which kind there were, and how long they took.

Labels are interactions, resource types and statuses; nothing in them tells of a person (https://prometheus.io/docs/practices/naming).
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

BOUNDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Seconds: the upper bounds of the buckets, but for the last, which has none."""
_MICROSECONDS: Final = 1_000_000


@dataclass(slots=True)
class _Kind:
    """The requests of one kind: how many took how long, and how long in all (microseconds)."""

    buckets: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))
    total: int = 0


class Metrics(Collector):
    """The counts of this process; they begin at zero when it starts."""

    def __init__(self, gauges: Callable[[], Mapping[str, tuple[str, float]]] = dict) -> None:
        """Begin without any request. ``gauges`` tells other figures of the moment, by their names: what each is, and how much."""
        self._gauges = gauges
        self._kinds: dict[tuple[str, str, int], _Kind] = {}
        self._registry = CollectorRegistry()
        self._registry.register(self)
        ProcessCollector(registry=self._registry)

    def count(self, interaction: str, type_: str, status: int, microseconds: int) -> None:
        """Count one request; ``type_`` is "" where it was about no one type."""
        kind = self._kinds.get((interaction, type_, status))
        if kind is None:
            kind = self._kinds[interaction, type_, status] = _Kind()
        kind.buckets[bisect_left(BOUNDS, microseconds / _MICROSECONDS)] += 1
        kind.total += microseconds

    def collect(self) -> Iterator[Metric]:
        """Yield what was counted."""
        family = HistogramMetricFamily(
            "fhir_request_duration_seconds", "FHIR requests, by what they asked for", labels=("interaction", "type", "status")
        )
        for (interaction, type_, status), kind in self._kinds.items():
            family.add_metric((interaction, type_, str(status)), list(_cumulative(kind)), kind.total / _MICROSECONDS)
        yield family
        for name, (text, value) in self._gauges().items():
            yield GaugeMetricFamily(name, text, value)

    def text(self) -> bytes:
        """Return everything in the text format of Prometheus (``prometheus_client.CONTENT_TYPE_LATEST``)."""
        return generate_latest(self._registry)


def _cumulative(kind: _Kind) -> Iterator[tuple[str, float]]:
    so_far = 0
    for bound, number in zip((*map(str, BOUNDS), "+Inf"), kind.buckets, strict=True):
        so_far += number
        yield bound, so_far
