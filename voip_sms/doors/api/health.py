"""What monitoring asks: alive, ready, metrics."""

from collections.abc import Callable, Sequence
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from voip_sms.core.failures import Refusal
from voip_sms.doors.api.bodies import answer
from voip_sms.net.http.problems import SERVER

Network = IPv4Network | IPv6Network


class Health:
    """No key is needed; `/metrics` is for `metrics_from` only: it shows the operator's numbers."""

    def __init__(
        self,
        ready: Callable[[], Sequence[str]],
        registry: CollectorRegistry,
        metrics_from: Sequence[Network],
    ) -> None:
        """`ready` names what is still missing (`database`, `snapshot` …): nothing, when all is up."""
        self._ready = ready
        self._registry = registry
        self._metrics_from = metrics_from

    async def live(self, _request: web.Request) -> web.Response:
        """GET /health/live: the process answers."""
        return answer({"status": "live"})

    async def ready(self, _request: web.Request) -> web.Response:
        """GET /health/ready: 200 when it can take messages, else 503 with what is missing."""
        missing = list(self._ready())
        if missing:
            return answer({"status": "not_ready", "missing": missing}, 503)
        return answer({"status": "ready"})

    async def metrics(self, request: web.Request) -> web.Response:
        """GET /metrics, Prometheus' text format. A few hundred lines: under a millisecond of the loop."""
        # What a proxy on this host passes on comes from loopback, and from anywhere.
        if "X-Forwarded-For" in request.headers or not self._may_see(request.remote):
            raise Refusal("not_found")
        headers = {"Content-Type": CONTENT_TYPE_LATEST, "Cache-Control": "no-store", "Server": SERVER}
        return web.Response(body=generate_latest(self._registry), headers=headers)

    def _may_see(self, peer: str | None) -> bool:
        try:
            address = ip_address(peer or "")
        except ValueError:
            return False
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        return any(address in network for network in self._metrics_from)
