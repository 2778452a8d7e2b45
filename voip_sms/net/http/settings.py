"""What can be set on the HTTP listener."""

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator

from voip_sms.net.http.addresses import read_listen

_LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))


class HttpSettings(BaseModel):
    """The `[http]` section. `listen` is `host:port` (an IPv6 host in brackets), `""` switches it off."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    listen: str = Field(
        default="127.0.0.1:8080", description="Where API and documentation listen; port 0 picks one."
    )
    idle_timeout: Annotated[float, Field(gt=0, le=600)] = Field(
        default=15.0,
        description=(
            "Seconds for the head of a request to arrive, and for a kept-alive connection to stay silent."
            " A proxy in front must close its idle connections sooner."
        ),
    )
    max_connections: Annotated[int, Field(ge=1, le=100_000)] = Field(
        default=2000, description="Connections at one time; one more is answered 503 and closed."
    )
    rate: Annotated[float, Field(ge=0, le=10_000)] = Field(
        default=0.0,
        description=(
            "Requests to send, a second, of one API key, four seconds' worth at once; beyond it 429 with"
            " Retry-After. A list of recipients is one request. 0: no limit."
        ),
    )
    proxies: tuple[IPv4Network | IPv6Network, ...] = Field(
        default=_LOOPBACK,
        description=(
            "Addresses or networks of proxies in front: what they say in X-Forwarded-For is who asks, for the"
            " count of wrong passwords and keys and for the list of sessions."
        ),
    )
    metrics_from: tuple[IPv4Network | IPv6Network, ...] = Field(
        default=_LOOPBACK, description="Addresses or networks that may read /metrics, not through a proxy."
    )

    @field_validator("listen")
    @classmethod
    def _readable(cls, value: str) -> str:
        if value:
            read_listen(value)
        return value
