"""What is counted while the service runs, for Prometheus: answers, outcomes, times, queues and links."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from voip_sms.core.failures import Outcome, Temporary
from voip_sms.core.model import LinkState
from voip_sms.engine.tally import Tally

# From a commit that nobody else waits for to the time-out of a door: few buckets, each costs every request.
_SECONDS: Final = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1.0, 3.0)


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many wait, and for how many seconds the first of them is due."""

    count: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Backlog:
    """What was due and not yet begun when somebody last looked: parts by carrier, forward jobs by kind."""

    parts: Mapping[str, Waiting] = field(default_factory=dict)
    forwards: Mapping[str, Waiting] = field(default_factory=dict)


class Metrics:
    """Cheap enough for every request; labels come from our own tables and the operator's configuration only,
    never from a customer.
    """

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry = registry or CollectorRegistry()
        self.backlog = Backlog()
        self.tally = Tally()
        self._answers = _Counts(
            registry,
            "voip_sms_submissions",
            "Recipients by door and by what was said: accepted, or the code of the refusal.",
            ("door", "code"),
        )
        self._parts = _Counts(
            registry,
            "voip_sms_parts",
            "Hand-overs of parts by carrier: accepted, throttled, temporary, permanent, uncertain.",
            ("carrier", "outcome"),
        )
        self._receipts = _Counts(
            registry,
            "voip_sms_receipts",
            "Delivery receipts by carrier and by the status that they bring.",
            ("carrier", "status"),
        )
        self._inbound = _Counts(
            registry,
            "voip_sms_inbound",
            "Inbound PDUs by carrier: stored, blocked, quarantined, waiting (for other parts), repeat.",
            ("carrier", "result"),
        )
        self._forwards = _Counts(
            registry,
            "voip_sms_forwards",
            "Tries to hand something to a customer, by kind and the job's state then: queued is tried again.",
            ("kind", "state"),
        )
        self._calls = _Counts(
            registry,
            "voip_sms_calls",
            "Calls that were in a flow, by flow and end: left, hung_up, caller_gone, failed, lost.",
            ("flow", "end"),
        )
        self._chores = _Counts(
            registry,
            "voip_sms_chores",
            "Turns of housekeeping by chore and result: done, put_off (database away), failed.",
            ("chore", "result"),
        )
        self._times = Histogram(
            "voip_sms_request_seconds",
            "From a request to its answer.",
            ("door", "request"),
            buckets=_SECONDS,
            registry=registry,
        )

    def answered(self, door: str, code: str, count: int = 1) -> None:
        """`count` recipients were answered with `code`: `accepted`, or a code of `core/failures.py`."""
        self._answers.add((door, code), count)

    def handed_over(self, carrier: str, outcome: Outcome) -> None:
        """A part came back from a carrier."""
        slow = isinstance(outcome, Temporary) and outcome.slow
        self._parts.add((carrier, "throttled" if slow else type(outcome).__name__.lower()))
        self.tally.handed_over(carrier, outcome)

    def receipt(self, carrier: str, status: str) -> None:
        """A receipt was stored; `status` of `core/status.py`."""
        self._receipts.add((carrier, status))
        self.tally.receipt(carrier, status)

    def received(self, carrier: str, result: str) -> None:
        """An inbound PDU was stored; `result` in a word of the engine's."""
        self._inbound.add((carrier, result))
        self.tally.received(carrier)

    def forwarded(self, kind: str, state: str) -> None:
        """A forward job was tried; `state` is the job's then."""
        self._forwards.add((kind, state))

    def called(self, flow: str, end: str) -> None:
        """A call has left a flow; both are names of the operator's and ours."""
        self._calls.add((flow, end))

    def chore(self, name: str, result: str) -> None:
        """A turn of housekeeping ended."""
        self._chores.add((name, result))

    def timer(self, door: str, request: str) -> Callable[[float], None]:
        """What to call with the seconds that one `request` (a name of ours) took."""
        return self._times.labels(door, request).observe

    def watch(
        self,
        *,
        writer_waiting: Callable[[], int],
        links: Callable[[], Mapping[str, LinkState]],
        forwards_under_way: Callable[[], int] = lambda: 0,
    ) -> None:
        """Show the writer's queue, the carriers' links and the forwards, read when somebody looks."""
        gauges = _Gauges(writer_waiting, links, forwards_under_way, lambda: self.backlog)
        self.registry.register(gauges)

    def watch_calls(self, *, calls: Callable[[], int], connected: Callable[[], bool]) -> None:
        """Show the calls that are in flows, and whether the PBX's come in."""
        registry = self.registry
        Gauge("voip_sms_calls_under_way", "Calls that are in flows.", registry=registry).set_function(calls)
        Gauge(
            "voip_sms_asterisk_connected", "1 while calls of the PBX come in, else 0.", registry=registry
        ).set_function(connected)


class _Counts:
    """One counter; its children are kept, since `labels` costs three times the counting."""

    def __init__(self, registry: CollectorRegistry, name: str, text: str, labels: tuple[str, ...]) -> None:
        self._counter = Counter(name, text, labels, registry=registry)
        self._children: dict[tuple[str, ...], Counter] = {}

    def add(self, labels: tuple[str, ...], count: int = 1) -> None:
        child = self._children.get(labels)
        if child is None:
            child = self._children[labels] = self._counter.labels(*labels)
        child.inc(count)


class _Gauges(Collector):
    def __init__(
        self,
        writer_waiting: Callable[[], int],
        links: Callable[[], Mapping[str, LinkState]],
        forwards_under_way: Callable[[], int],
        backlog: Callable[[], Backlog],
    ) -> None:
        self._backlog = backlog
        self._writer_waiting = writer_waiting
        self._links = links
        self._forwards_under_way = forwards_under_way

    def collect(self) -> Iterable[Metric]:
        yield _single("voip_sms_writer_waiting", "Units that wait for the writer.", self._writer_waiting())
        yield _single(
            "voip_sms_forwards_under_way", "Hand-overs to customers in progress.", self._forwards_under_way()
        )
        yield from self._of_links()
        backlog = self._backlog()
        yield from _of_waiting("parts", "carrier", backlog.parts)
        yield from _of_waiting("forwards", "kind", backlog.forwards)

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


def _single(name: str, text: str, value: float) -> Metric:
    gauge = GaugeMetricFamily(name, text)
    gauge.add_metric((), value)
    return gauge


def _of_waiting(what: str, label: str, found: Mapping[str, Waiting]) -> Iterator[Metric]:
    waiting = GaugeMetricFamily(
        f"voip_sms_{what}_waiting", "Due and not begun, on the whole database, seconds ago.", labels=(label,)
    )
    oldest = GaugeMetricFamily(
        f"voip_sms_{what}_waiting_seconds", "For how long the first of these is due.", labels=(label,)
    )
    for name, one in found.items():
        waiting.add_metric((name,), one.count)
        oldest.add_metric((name,), one.seconds)
    yield waiting
    yield oldest
