"""Who asks, where proxies pass requests on: only a proxy's word counts, and only as far back as proxies go."""

from ipaddress import ip_network
from typing import NamedTuple

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from voip_sms.net.http.source import source_of

PROXIES = (ip_network("127.0.0.0/8"), ip_network("::1/128"), ip_network("10.0.0.0/24"))


class Request(NamedTuple):
    remote: str | None
    headers: dict[str, str]


@pytest.mark.parametrize(
    ("remote", "said", "source"),
    [
        ("192.0.2.1", None, "192.0.2.1"),
        ("192.0.2.1", "198.51.100.7", "192.0.2.1"),
        ("127.0.0.1", None, "127.0.0.1"),
        ("127.0.0.1", "", "127.0.0.1"),
        ("127.0.0.1", "198.51.100.7", "198.51.100.7"),
        ("::ffff:127.0.0.1", "198.51.100.7", "198.51.100.7"),
        ("::1", "2001:db8::7", "2001:db8::7"),
        ("127.0.0.1", "[2001:db8::7]", "2001:db8::7"),
        ("127.0.0.1", "203.0.113.1, 198.51.100.7", "198.51.100.7"),
        ("127.0.0.1", "203.0.113.1, 198.51.100.7, 10.0.0.5", "198.51.100.7"),
        ("127.0.0.1", "10.0.0.6, 10.0.0.5", "10.0.0.6"),
        ("127.0.0.1", "198.51.100.7, unknown", "127.0.0.1"),
        ("127.0.0.1", "198.51.100.7:443", "127.0.0.1"),
        ("127.0.0.1", "rubbish,10.0.0.5", "10.0.0.5"),
        ("127.0.0.1", "," * 5000, "127.0.0.1"),
        (None, "198.51.100.7", ""),
    ],
)
def test_who_asks(remote: str | None, said: str | None, source: str) -> None:
    headers = {} if said is None else {"x-forwarded-for": said}
    assert source_of(Request(remote, headers), PROXIES) == source
    assert source_of(Request(remote, headers), ()) == (remote or "")


def test_the_line_that_the_proxy_added_is_the_last() -> None:
    lines = CIMultiDict([("X-Forwarded-For", "203.0.113.1"), ("X-Forwarded-For", "198.51.100.7")])
    request = Request("127.0.0.1", CIMultiDictProxy(lines))  # type: ignore[arg-type]
    assert source_of(request, PROXIES) == "198.51.100.7"
