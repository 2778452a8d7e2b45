"""What needs no key: documents, health, metrics."""

from ipaddress import ip_network
from pathlib import Path

import orjson
import pytest

from support.api import api_over
from voip_sms.net.http.settings import HttpSettings

GOLDEN = Path(__file__).parents[1] / "golden" / "openapi.json"


@pytest.fixture
async def api():
    async with api_over() as made:
        yield made


async def get(api, path: str, headers=None):
    async with api.session.get(f"http://{api.address}{path}", headers=headers) as response:
        return response.status, response.headers, await response.text()


async def test_the_openapi_document_is_served_as_agreed(api) -> None:
    status, headers, text = await get(api, "/openapi.json")
    assert status == 200
    assert headers["Content-Type"] == "application/json"
    assert orjson.loads(text) == orjson.loads(GOLDEN.read_bytes())


async def test_the_docs_page_and_its_style(api) -> None:
    status, headers, text = await get(api, "/docs")
    assert status == 200
    assert headers["Content-Type"].startswith("text/html")
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "/v1/messages" in text
    status, headers, _ = await get(api, "/docs.css")
    assert (status, headers["Content-Type"].partition(";")[0]) == (200, "text/css")


async def test_live_is_always_and_ready_when_nothing_is_missing(api) -> None:
    api.missing.append("database")
    assert (await get(api, "/health/live"))[0] == 200
    status, _, text = await get(api, "/health/ready")
    assert status == 503
    assert orjson.loads(text) == {"status": "not_ready", "missing": ["database"]}
    api.missing.clear()
    assert (await get(api, "/health/ready"))[0] == 200
    async with api.session.head(f"http://{api.address}/health/ready") as response:
        assert response.status == 200


async def test_metrics_are_for_those_who_may_see_them(api) -> None:
    assert (await get(api, "/metrics"))[0] == 200
    assert (await get(api, "/metrics", {"X-Forwarded-For": "192.0.2.7"}))[0] == 404  # through a proxy
    elsewhere = HttpSettings(listen="127.0.0.1:0", metrics_from=(ip_network("192.0.2.0/24"),))
    async with api_over(settings=elsewhere) as other:
        assert (await get(other, "/metrics"))[0] == 404


async def test_nothing_of_v1_is_open(api) -> None:
    document = orjson.loads(GOLDEN.read_bytes())
    for path, methods in document["paths"].items():
        for method in methods:
            address = f"http://{api.address}{path.replace('{id}', 'x')}"
            async with api.session.request(method.upper(), address, json={}) as response:
                assert response.status == 401, f"{method} {path}"
