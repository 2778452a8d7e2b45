"""The OpenAPI document is valid, is the one we agreed on, and the page made of it is harmless.

After a wanted change: VOIP_SMS_UPDATE_GOLDEN=1 pytest tests/unit/test_api_documents.py
"""

import copy
import os
import re
from html.parser import HTMLParser
from pathlib import Path

import orjson
from openapi_spec_validator import validate

from voip_sms.core.failures import CODES
from voip_sms.doors.api import docs, openapi
from voip_sms.doors.api.operations import OPERATIONS

GOLDEN = Path(__file__).parents[1] / "golden" / "openapi.json"


def test_the_document_is_the_golden_one() -> None:
    written = orjson.dumps(openapi.document(), option=orjson.OPT_INDENT_2) + b"\n"
    if os.environ.get("VOIP_SMS_UPDATE_GOLDEN"):
        GOLDEN.write_bytes(written)
    assert written == GOLDEN.read_bytes()


def test_the_document_is_openapi_3_1() -> None:
    document = openapi.document()
    assert document["openapi"].startswith("3.1")
    validate(document)


def test_every_operation_says_what_it_takes_gives_and_refuses() -> None:
    document = openapi.document()
    names = [one["operationId"] for methods in document["paths"].values() for one in methods.values()]
    assert sorted(names) == sorted(operation.name for operation in OPERATIONS)
    assert len(set(names)) == len(names)
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert operation["security"]
            assert {"401", "403", "429", "503"} <= set(operation["responses"])
            # What only says "do it" to one object takes no body.
            takes = method == "patch" or (method == "post" and not path.rpartition("{id}/")[1])
            assert ("requestBody" in operation) == takes
            assert any(status.startswith("2") for status in operation["responses"])


def test_messages_are_described_as_the_contract_has_them() -> None:
    schemas = openapi.document()["components"]["schemas"]
    assert list(schemas["MessageShown"]["properties"])[:16] == [
        "id", "direction", "status", "from", "to", "text", "encoding", "parts", "price", "door", "account",
        "client_ref", "created_at", "possible_duplicate", "events", "error",
    ]  # fmt: skip
    assert set(schemas["SendRequest"]["required"]) == {"to", "text"}


class Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.ids: set[str] = set()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attributes:
            assert not name.startswith("on")
            assert name != "style"
            if name == "id":
                self.ids.add(value or "")
            if name == "href":
                self.links.append(value or "")


def parsed(text: str) -> Page:
    page = Page()
    page.feed(text)
    return page


def test_the_page_has_every_operation_no_script_and_no_dead_link() -> None:
    text = docs.page(openapi.document())
    page = parsed(text)
    assert "script" not in page.tags
    assert {operation.name for operation in OPERATIONS} <= page.ids
    assert all(link[1:] in page.ids for link in page.links if link.startswith("#"))
    assert {link for link in page.links if not link.startswith("#")} == {"/docs.css", "/openapi.json"}
    assert all(f"<code>{code}</code>" in text for code in CODES)


def test_what_stands_in_the_document_is_text_on_the_page() -> None:
    document = copy.deepcopy(openapi.document())
    evil = "<script>alert(1)</script>\"'"
    document["info"]["title"] = document["info"]["description"] = evil
    for operation in document["paths"]["/v1/messages"].values():
        operation["summary"] = operation["operationId"] = evil
    text = docs.page(document)
    assert "script" not in parsed(text).tags
    assert re.search(r"<script", text) is None


def test_the_policy_allows_nothing_but_our_stylesheet() -> None:
    assert "default-src 'none'" in docs.POLICY
    assert "script" not in docs.POLICY
    assert "unsafe" not in docs.POLICY
    assert "body" in docs.stylesheet()
