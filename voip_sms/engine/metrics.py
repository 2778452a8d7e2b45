"""What is counted while the service runs, for Prometheus: answers, times, queues and links."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from voip_sms.core.model import LinkState

# From a commit that nobody else waits for to the time-out of a door: few buckets, each costs every request.
_SECONDS: Final = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1.0, 3.0)


class Metrics:
    """Cheap enough for every request; labels come from our own tables only, never from a customer."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self._answers = Counter(
            "voip_sms_submissions",
            "Recipients by door and by what was said: accepted, or the code of the refusal.",
            ("door", "code"),
            registry=registry,
        )
        self._times = Histogram(
            "voip_sms_request_seconds",
            "From a request to its answer.",
            ("door", "request"),
            buckets=_SECONDS,
            registry=registry,
        )
        self._counters: dict[tuple[str, str], Counter] = {}

    def answered(self, door: str, code: str, count: int = 1) -> None:
        """`count` recipients were answered with `code`: `accepted`, or a code of `core/failures.py`."""
        counter = self._counters.get((door, code))
        if counter is None:  # `labels` costs three times the counting
            counter = self._counters[door, code] = self._answers.labels(door, code)
        counter.inc(count)

    def timer(self, door: str, request: str) -> Callable[[float], None]:
        """What to call with the seconds that one `request` (a name of ours) took."""
        return self._times.labels(door, request).observe

    def watch(
        self, *, writer_waiting: Callable[[], int], links: Callable[[], Mapping[str, LinkState]]
    ) -> None:
        """Show the writer's queue and the carriers' links, read when somebody looks."""
        self.registry.register(_Gauges(writer_waiting, links))


class _Gauges(Collector):
    def __init__(
        self, writer_waiting: Callable[[], int], links: Callable[[], Mapping[str, LinkState]]
    ) -> None:
        self._writer_waiting = writer_waiting
        self._links = links

    def collect(self) -> Iterable[Metric]:
        waiting = GaugeMetricFamily("voip_sms_writer_waiting", "Units that wait for the writer.")
        waiting.add_metric((), self._writer_waiting())
        yield waiting
        yield from self._of_links()

    def _of_links(self) -> Iterator[Metric]:
        bound = GaugeMetricFamily(
            "voip_sms_carrier_bound", "1 while the link is bound, else 0.", labels=("carrier",)
        )
        flying = GaugeMetricFamily(
            "voip_sms_carrier_in_flight", "Parts submitted and not answered yet.", labels=("carrier",)
        )
        for name, link in self._links().items():
            bound.add_metric((name,), float(link.state == "bound"))
            flying.add_metric((name,), link.in_flight)
        yield bound
        yield flying
