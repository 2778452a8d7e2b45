"""No operation of `/v1` shows, changes or admits anything of another customer: made from the table of operations."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import pytest

from support.api import Answer, Client, Site, site_over
from support.fakes import FakeClock
from support.office import ACME_KEY, OTHER_KEY, Office, tenant
from voip_sms.core import ids
from voip_sms.core.model import InboundPart
from voip_sms.doors.api.access import OPERATORS
from voip_sms.doors.api.operations import OPERATIONS, Operation
from voip_sms.engine.receive import Receiver

NUMBER, SECRET = "+48601000002", "zzqsecretwords"
CREDIT, FLOW, HOOK = "77.31", "otherflow", "http://127.0.0.1:9/otherhook"
MARKS: Final = (NUMBER[1:], SECRET, CREDIT, FLOW, "otherhook", "NAME2", "app2", '"102"', "+48600662", "other")
"""What stands nowhere but in the other customer's answers."""
PREFIXES: Final[Mapping[str, str]] = {
    "/v1/messages": "msg",
    "/v1/numbers": "num",
    "/v1/forwards": "fwd",
    "/v1/blacklist": "blk",
    "/v1/keys": "key",
    "/v1/sip-accounts": "sip",
    "/v1/ivr-flows": "ivr",
    "/v1/sender-names": "nam",
    "/v1/mail-senders": "mls",
    "/v1/groups": "grp",
    "/v1/keywords": "kwd",
    "/v1/webhooks/deliveries": "evt",
}
"""Collections whose objects are named in paths; a new one is added here, and made in `_furnish`."""
SHARED: Final = frozenset({"list_carriers"})
"""The same for everybody, and nobody's."""
ONE: Final = [one for one in OPERATIONS if "{id}" in one.path and one.scopes != OPERATORS]
LISTS: Final = [one for one in OPERATIONS if "{id}" not in one.path and one.method == "GET"]


@dataclass(frozen=True, slots=True)
class Street:
    """Two customers; `theirs` has an object of the other one for each collection."""

    acme: Client
    other: Client
    theirs: Mapping[str, str]


@pytest.fixture
async def street(database_url: str, clock: FakeClock) -> AsyncIterator[Street]:
    office = await Office.open(database_url, clock)
    async with site_over(office.rooms()) as site:
        yield await _furnish(office, site)
    await office.close()


async def _furnish(office: Office, site: Site) -> Street:
    """Give the other customer something of every kind."""
    other = site.client(OTHER_KEY)
    changed = {**tenant("other", OTHER_KEY, 2), "credit": CREDIT, "self_service": True}
    assert not await office.apply({"version": 1, "tenants": [changed]})
    hook = {"kind": "webhook", "number": NUMBER, "url": HOOK}
    for path, body in (
        ("/v1/forwards", hook),
        ("/v1/ivr-flows", {"name": FLOW, "identity": {"kind": "name", "value": "NAME2"}}),
        ("/v1/mail-senders", {"address": f"{SECRET}@other.test"}),
        ("/v1/groups", {"name": SECRET, "numbers": ["+48601123456"]}),
        ("/v1/keywords", {"number": NUMBER, "word": "alarm", "mail": "desk@other.test"}),
        ("/v1/sender-names", {"name": "Their Name"}),
        ("/v1/messages", {"to": "601123456", "text": SECRET}),
    ):
        made = await other.call("POST", path, body)
        assert made.status in (201, 202), made.text
    part = InboundPart("+48777000001", NUMBER, SECRET, "gsm7", bytes(32))
    await Receiver(office.context, "PL").receive("sim", part)
    return Street(site.client(ACME_KEY), other, {path: await _newest(other, path) for path in PREFIXES})


async def _newest(client: Client, collection: str) -> str:
    answer = await client.call("GET", collection)
    assert answer.status == 200, answer.text
    # Of forwards the webhook, of messages the one that may be cancelled.
    fit = {"url": HOOK, "direction": "outbound"}
    shown = [
        one for one in answer.json["data"] if all(one.get(name, is_) == is_ for name, is_ in fit.items())
    ]
    return str(shown[0]["id"])


async def _ask(client: Client, operation: Operation, object_id: str) -> Answer:
    path = operation.path.replace("{id}", object_id)
    return await client.call(operation.method, path, {} if operation.body else None)


def _collection(operation: Operation) -> str:
    return operation.path.partition("/{id}")[0]


def test_every_operation_on_an_object_is_looked_at() -> None:
    assert {_collection(one) for one in ONE} == PREFIXES.keys(), "what may be named has to be made here"


async def test_an_object_of_another_customer_is_not_there(street: Street) -> None:
    for operation in ONE:
        collection = _collection(operation)
        missing = ids.to_text(PREFIXES[collection], bytes(16))
        nobodys = await _ask(street.acme, operation, missing)
        theirs = await _ask(street.acme, operation, street.theirs[collection])
        assert (theirs.status, theirs.code) == (404, "not_found"), operation.name
        assert theirs.text.replace(street.theirs[collection], missing) == nobodys.text, operation.name
    for operation in sorted(ONE, key=lambda one: (one.method == "DELETE", one.name == "delete_key")):
        own = await _ask(street.other, operation, street.theirs[_collection(operation)])
        assert own.status not in (401, 404), f"{operation.name}: it was not there at all, or is gone"


async def test_no_list_holds_anything_of_another_customer(street: Street) -> None:
    for operation in LISTS:
        if operation.scopes == OPERATORS:
            continue
        mine = await street.acme.call("GET", operation.path)
        theirs = await street.other.call("GET", operation.path)
        assert mine.status == theirs.status == 200, operation.name
        marks = (*MARKS, *street.theirs.values())
        if operation.name not in SHARED:
            assert [mark for mark in marks if mark in theirs.text], f"{operation.name}: nothing to see"
        assert [mark for mark in marks if mark in mine.text] == [], operation.name


async def test_what_is_the_operators_is_for_no_customer(street: Street) -> None:
    for operation in OPERATIONS:
        if operation.scopes == OPERATORS:
            refused = await _ask(street.acme, operation, "none")
            assert (refused.status, refused.code) == (403, "forbidden"), operation.name


NAMING: Final[tuple[tuple[str, Mapping[str, Any]], ...]] = (
    ("/v1/messages", {"to": "601123456", "text": "Hi", "from": NUMBER}),
    ("/v1/messages", {"to": "601123456", "text": "Hi", "from": "NAME2"}),
    ("/v1/forwards", {"kind": "mail", "number": NUMBER, "to": ["a@b.test"]}),
    ("/v1/forwards", {"kind": "sip", "number": "+48601000001", "to": ["102"]}),
    ("/v1/keys", {"name": "thief", "identity": {"kind": "number", "value": NUMBER}}),
    ("/v1/keys", {"name": "thief", "identity": {"kind": "name", "value": "NAME2"}}),
    ("/v1/ivr-flows", {"name": "thief", "identity": {"kind": "number", "value": NUMBER}}),
)
"""Bodies that name what is the other customer's."""


async def test_nothing_of_another_customer_can_be_named_in_a_body(street: Street) -> None:
    for path, body in NAMING:
        refused = await street.acme.call("POST", path, body)
        unknown = await street.acme.call("POST", path, _unknown(body))
        assert 400 <= refused.status < 500, (path, body, refused.text)
        assert (refused.status, refused.code) == (unknown.status, unknown.code), (path, body)


def _unknown(body: Any) -> Any:
    """The same with names and numbers that are nobody's."""
    if isinstance(body, Mapping):
        return {name: _unknown(value) for name, value in body.items()}
    if isinstance(body, list):
        return [_unknown(one) for one in body]
    return {NUMBER: "+48601999999", "NAME2": "NAME9", "102": "999"}.get(body, body)


async def test_a_page_after_an_object_of_another_customer_tells_nothing(street: Street) -> None:
    for operation in LISTS:
        collection = operation.path
        if operation.scopes == OPERATORS or collection not in PREFIXES:
            continue
        for after in (street.theirs[collection], ids.to_text(PREFIXES[collection], bytes(16))):
            answer = await street.acme.call("GET", f"{collection}?starting_after={after}")
            assert [mark for mark in MARKS if mark in answer.text] == [], operation.name
