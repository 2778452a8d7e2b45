"""Whatever an administrator changes, by a file or over HTTP, leaves one entry that tells it, and no secret."""

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, select

from support.api import Client, Site
from support.fakes import fixed_random
from support.office import ACME_KEY, BY, OPERATOR_KEY, OTHER_KEY, Office
from support.waiting import eventually
from voip_sms.core import ids
from voip_sms.core.resources import ConfigFile
from voip_sms.engine.accounts.applying import Report, apply_file
from voip_sms.engine.accounts.planning import Maker
from voip_sms.engine.accounts.sealing import Vault
from voip_sms.engine.chores.seals import Seals
from voip_sms.engine.housekeeping import Housekeeping
from voip_sms.engine.receive import Receiver
from voip_sms.store.audit import AuditFilter, chain_head, page_of_everybodys
from voip_sms.store.database import erase_deleted
from voip_sms.store.tables import api_key, audit_entry, mail_sender, sip_account, user_account

Json = dict[str, Any]

# What is kept only as a hash, and what the service itself must know.
HASHED = (
    "sip-password-of-eve",
    "mail-password-of-eve",
    "token-of-eve-0123456789",
    "token-of-root-0123456789",
    "Panel-password-of-ewa-7",
)
KEPT = ("pw-at-sim", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "zzq7token")
OTHERS = (
    "sip-password-changed",
    "mail-password-changed",
    "token-changed-0123456789",
    "pw-at-sim-changed",
    "Panel-password-changed-7",
)

EVERYTHING: Json = {
    "version": 1,
    "operators": [{"name": "staff", "token": HASHED[3]}, {"name": "Ola", "mail": "ola@operator.test"}],
    "carriers": [{"name": "tel", "kind": "smpp", "host": "h", "system_id": "s", "password": KEPT[0]}],
    "routes": [{"prefix": "+49", "carrier": "tel"}],
    "price_lists": [
        {
            "name": "gold",
            "currency": "PLN",
            "valid_from": "2026-01-01",
            "rates": [{"prefix": "+49", "amount": "0.10"}],
        }
    ],
    "pools": [{"name": "pl", "carrier": "tel", "numbers": ["+48799000001"]}],
    "tenants": [
        {
            "name": "eve",
            "price_list": "gold",
            "credit": "5.00",
            "sender_names": [{"name": "EVE", "status": "approved"}],
            "keys": [{"name": "app", "token": HASHED[2]}],
            "sip_accounts": [{"user": "301", "password": HASHED[0]}],
            "mail_senders": [{"address": "eve@example.test", "secret": HASHED[1], "token": KEPT[2]}],
            "ivr_flows": [{"name": "helpline", "identity": {"kind": "name", "value": "EVE"}}],
            "groups": [{"name": "staff", "numbers": ["+48601000002"]}],
            "keywords": [{"number": "+48601000031", "word": "kino", "mail": "eve@example.test"}],
            "numbers": [
                {
                    "number": "+48601000031",
                    "kind": "own_mobile",
                    "carrier": "tel",
                    "forwards": [{"kind": "webhook", "url": "https://x.test/h", "secret": KEPT[1]}],
                }
            ],
            "blacklist": [{"match": "prefix", "value": "+48600666"}],
            "users": [{"name": "Ewa", "mail": "ewa@example.test", "password": HASHED[4]}],
        }
    ],
}


async def applied(office: Office, document: Json, *, prune: bool = False) -> Report:
    """Apply it, and what came of it; in force then."""
    file = ConfigFile.model_validate(document, context={"country": "PL"})
    context = office.context
    maker = Maker("sms.test", Vault(fixed_random().randbytes), context.new_id, context.clock.now(), BY)
    report: Report = await office.writer.run(
        lambda connection: apply_file(connection, file, maker, prune=prune)
    )
    assert report.complaints == ()
    await office.holder.refresh_now()
    return report


async def entries(office: Office) -> list[Json]:
    """Everybody's, oldest first."""

    def read(connection: Connection) -> list[Json]:
        found, more = page_of_everybodys(connection, AuditFilter(), limit=1000)
        assert not more
        return [
            {
                "who": link.entry.by.who,
                "door": link.entry.by.door,
                "action": link.entry.action,
                "label": link.entry.label,
                "object": link.entry.object_id,
                "before": dict(link.entry.before),
                "after": dict(link.entry.after),
            }
            for link in reversed(found)
        ]

    return await office.reader.run(read)


async def newest(office: Office, known: int) -> Json:
    """The one entry beyond those known."""
    found = await entries(office)
    assert len(found) == known + 1, found[known:]
    return found[-1]


def told(found: list[Json], label: str) -> tuple[str, Mapping[str, Any], Mapping[str, Any]]:
    [one] = [one for one in found if one["label"] == label]
    return one["action"], one["before"], one["after"]


def in_labels(found: list[Json], action: str) -> list[str]:
    return sorted(one["label"].partition(" from ")[0] for one in found if one["action"] == action)


# --- by a file ----------------------------------------------------------------------------------------------


async def test_a_file_leaves_one_entry_for_each_object_that_it_makes(office: Office) -> None:
    before = len(await entries(office))
    report = await applied(office, EVERYTHING)
    found = (await entries(office))[before:]
    assert {(one["who"], one["door"], one["action"]) for one in found} == {
        ("operator:apply@test", "apply", "added")
    }
    assert in_labels(found, "added") == sorted(report.added)
    assert len(found) == 19
    assert all(one["before"] == {} for one in found)
    assert (
        told(found, "tenants[eve]")[2].items() >= {"name": "eve", "credit": "5.00", "currency": "PLN"}.items()
    )
    assert told(found, "carriers[tel]")[2].items() >= {"host": "h", "password": "(set)"}.items()
    sip = told(found, "tenants[eve].sip_accounts[301]")[2]
    assert (sip["password"], sip["identity"]) == ("(set)", {"kind": "default", "value": ""})
    mail = told(found, "tenants[eve].mail_senders[eve@example.test]")[2]
    assert (mail["secret"], mail["token"], mail["subject"]) == ("(set)", "(set)", "auto")
    hook = told(found, "tenants[eve].numbers[+48601000031].forwards[webhook https://x.test/h]")[2]
    assert (hook["url"], hook["secret"]) == ("https://x.test/h", "(set)")
    assert told(found, "price_lists[gold].rates[+49] from 2026-01-01")[2]["amount"] == "0.10"
    assert await applied(office, EVERYTHING)
    assert len(await entries(office)) == before + len(found), "the same file changes nothing"


def changed() -> Json:
    """Every kind of object that can change, with one field of it changed."""
    document = copy.deepcopy(EVERYTHING)
    document["operators"][0]["token"] = OTHERS[2]
    document["carriers"][0] |= {"password": OTHERS[3], "rate": 7}
    document["routes"][0]["priority"] = 3
    document["price_lists"][0]["rates"][0]["amount"] = "0.20"
    document["pools"][0]["window"] = "2d"
    eve = document["tenants"][0]
    eve["credit"] = "15.00"
    eve["sender_names"][0] |= {"status": "rejected", "reason": "no"}
    eve["keys"][0]["scopes"] = ["messages", "admin"]
    eve["sip_accounts"][0]["password"] = OTHERS[0]
    eve["mail_senders"][0] |= {"secret": OTHERS[1], "mode": "premium"}
    eve["ivr_flows"][0]["limits"] = {"flow": 9}
    eve["groups"][0]["numbers"] = ["+48601000003"]
    eve["keywords"][0]["mail"] = "bob@example.test"
    eve["numbers"][0]["forwarding"] = False
    eve["users"][0] |= {"password": OTHERS[4], "role": "admin"}
    document["operators"][1]["language"] = "pl"
    return document


CHANGED: Mapping[str, tuple[Json, Json]] = {
    "operators[staff]": ({"token": "(set)"}, {"token": "(changed)"}),
    "carriers[tel]": ({"password": "(set)", "rate": 0}, {"password": "(changed)", "rate": 7}),
    "routes[+49 tel]": ({"priority": 0}, {"priority": 3}),
    "price_lists[gold].rates[+49] from 2026-01-01": ({"amount": "0.10"}, {"amount": "0.20"}),
    "pools[pl]": ({"window": "7d"}, {"window": "2d"}),
    "tenants[eve]": ({"credit": "5.00"}, {"credit": "15.00"}),
    "tenants[eve].sender_names[EVE]": (
        {"status": "approved", "reason": ""},
        {"status": "rejected", "reason": "no"},
    ),
    "tenants[eve].keys[app]": ({"scopes": ["messages"]}, {"scopes": ["admin", "messages"]}),
    "tenants[eve].sip_accounts[301]": ({"password": "(set)"}, {"password": "(changed)"}),
    "tenants[eve].mail_senders[eve@example.test]": (
        {"secret": "(set)", "mode": "normal"},
        {"secret": "(changed)", "mode": "premium"},
    ),
    "tenants[eve].ivr_flows[helpline]": ({"limits": {}}, {"limits": {"flow": 9}}),
    "tenants[eve].groups[staff]": ({"numbers": ["+48601000002"]}, {"numbers": ["+48601000003"]}),
    "tenants[eve].keywords[+48601000031 kino]": (
        {"mail": "eve@example.test"},
        {"mail": "bob@example.test"},
    ),
    "tenants[eve].users[ewa@example.test]": (
        {"password": "(set)", "role": "user"},
        {"password": "(changed)", "role": "admin"},
    ),
    "operators[ola@operator.test]": ({"language": "en"}, {"language": "pl"}),
    "tenants[eve].numbers[+48601000031]": ({"forwarding": True}, {"forwarding": False}),
}


async def test_a_changed_file_leaves_what_differs_and_nothing_else(office: Office) -> None:
    await applied(office, EVERYTHING)
    known = len(await entries(office))
    await applied(office, changed())
    found = (await entries(office))[known:]
    assert {one["label"]: (one["before"], one["after"]) for one in found} == CHANGED
    assert {one["action"] for one in found} == {"changed"}


async def test_what_is_pruned_leaves_what_it_was(office: Office) -> None:
    await applied(office, EVERYTHING)
    known = len(await entries(office))
    report = await applied(office, {"version": 1}, prune=True)
    found = (await entries(office))[known:]
    assert in_labels(found, "removed") == sorted(report.removed)
    assert all(one["after"] == {} for one in found)
    assert (
        told(found, "tenants[eve].sip_accounts[301]")[1].items()
        >= {"user": "301", "password": "(set)"}.items()
    )
    assert told(found, "routes[+49 tel]")[1] == {"prefix": "+49", "carrier": "tel", "priority": 0}


async def test_a_customer_with_a_history_is_switched_off_and_the_log_says_so(
    office: Office, acme: Client
) -> None:
    assert (await acme.call("POST", "/v1/messages", {"to": "601123456", "text": "x"})).status == 202
    await applied(office, {"version": 1}, prune=True)
    found = [one for one in await entries(office) if one["label"] == "tenants[acme]"]
    assert [(one["action"], one["before"], one["after"]) for one in found[1:]] == [
        ("changed", {"enabled": True, "price_list": "std"}, {"enabled": False, "price_list": ""})
    ]


async def test_no_secret_is_anywhere_in_it(office: Office) -> None:
    await applied(office, EVERYTHING)
    await applied(office, changed())
    rows = await office.reader.run(lambda connection: str(connection.execute(select(audit_entry)).all()))
    kept = await office.reader.run(_kept)
    for secret in (*HASHED, *KEPT, *OTHERS, ACME_KEY, OTHER_KEY, OPERATOR_KEY, "hush", *kept):
        assert secret not in rows, secret
    if office.database.file is None:
        return
    erase_deleted(office.database)
    assert OTHERS[3].encode() in Path(office.database.file).read_bytes(), "so we look in the right place"
    await applied(office, {"version": 1}, prune=True)
    erase_deleted(office.database)
    octets = Path(office.database.file).read_bytes()
    assert b"sip_accounts[301]" in octets, "the log stays"
    for secret in (*HASHED, *KEPT, *OTHERS, *kept):
        assert secret.encode() not in octets, f"{secret}: in the file after everything was removed"


def _kept(connection: Connection) -> list[str]:
    """What is kept in place of secrets."""
    hashes = [
        value for row in connection.execute(select(sip_account.c.ha1)).scalars() for value in row.values()
    ]
    tokens = [bytes(row).hex() for row in connection.execute(select(api_key.c.hash)).scalars()]
    secrets = connection.execute(select(mail_sender.c.secret_hash)).scalars()
    people = [one for one in connection.execute(select(user_account.c.password_hash)).scalars() if one]
    return [*hashes, *tokens, *secrets, *people]


# --- over HTTP ----------------------------------------------------------------------------------------------

CREATED = (
    ("/v1/forwards", {"kind": "mail", "number": "+48601000001", "to": ["a@example.test"]}, "forwards"),
    ("/v1/forwards", {"kind": "webhook", "url": "https://example.com/hook?key=zzq8"}, "forwards"),
    ("/v1/blacklist", {"match": "exact", "value": "+48600111222"}, "blacklist"),
    ("/v1/keys", {"name": "second", "scopes": ["messages"]}, "keys"),
    ("/v1/ivr-flows", {"name": "helpline", "identity": {"kind": "default"}}, "ivr_flows"),
)
PATCHES: Mapping[str, tuple[Json, Json, Json]] = {
    "forwards": ({"enabled": False}, {"enabled": True}, {"enabled": False}),
    "keys": ({"scopes": ["admin"]}, {"scopes": ["messages"]}, {"scopes": ["admin"]}),
    "ivr_flows": ({"language": "pl"}, {"language": "en"}, {"language": "pl"}),
}


@pytest.mark.parametrize(("path", "body", "kind"), CREATED, ids=lambda value: str(value)[:30])
async def test_each_change_over_http_leaves_one_entry(
    office: Office, acme: Client, path: str, body: Json, kind: str
) -> None:
    known = len(await entries(office))
    made = await acme.call("POST", path, body)
    assert made.status == 201, made.text
    one = await newest(office, known)
    assert (one["who"], one["door"], one["action"]) == ("key:app1", "api", "added")
    assert (one["object"], one["before"]) == (made.json["id"], {})
    assert one["label"].startswith("tenants[acme].")
    for secret in {"token", "secret"} & made.json.keys():
        assert one["after"][secret] == "(set)"
    if kind in PATCHES:
        patch, before, after = PATCHES[kind]
        known += 1
        assert (await acme.call("PATCH", f"{path}/{made.json['id']}", patch)).status == 200
        one = await newest(office, known)
        assert (one["action"], one["before"], one["after"]) == ("changed", before, after)
        assert (await acme.call("PATCH", f"{path}/{made.json['id']}", patch)).status == 200
        assert len(await entries(office)) == known + 1, "nothing changed"
    known += 1
    assert (await acme.call("DELETE", f"{path}/{made.json['id']}")).status == 204
    one = await newest(office, known)
    assert (one["action"], one["object"], one["after"]) == ("removed", made.json["id"], {})
    assert one["before"]
    assert "zzq8" not in str(await entries(office))


@pytest.mark.parametrize(
    ("path", "patch", "told"),
    [
        ("/v1/numbers", {"forwarding": False}, ({"forwarding": True}, {"forwarding": False})),
        ("/v1/sip-accounts", {"password": "pw-x"}, ({"password": "(set)"}, {"password": "(changed)"})),
    ],
)
async def test_what_can_only_be_changed(
    office: Office, acme: Client, path: str, patch: Json, told: tuple[Json, Json]
) -> None:
    [there] = (await acme.call("GET", path)).json["data"]
    known = len(await entries(office))
    assert (await acme.call("PATCH", f"{path}/{there['id']}", patch)).status == 200
    one = await newest(office, known)
    assert (one["object"], one["action"], (one["before"], one["after"])) == (there["id"], "changed", told)


async def test_a_new_secret_and_a_replay_are_noted(office: Office, acme: Client) -> None:
    hook = (await acme.call("POST", "/v1/forwards", {"kind": "webhook", "url": "https://example.com/h"})).json
    known = len(await entries(office))
    rotated = await acme.call("POST", f"/v1/forwards/{hook['id']}/rotate-secret")
    assert rotated.status == 200
    one = await newest(office, known)
    assert (one["who"], one["action"], one["object"]) == ("key:app1", "rotated", hook["id"])
    assert one["label"] == "tenants[acme].webhooks[https://example.com/h]"
    assert (one["before"], one["after"]) == ({"secret": "(set)"}, {"secret": "(changed)"})
    assert rotated.json["secret"] not in str(await entries(office))
    replayed = await acme.call("POST", "/v1/webhooks/replay", {})
    assert replayed.json["replayed"] == 0
    assert len(await entries(office)) == known + 1, "nothing was replayed"


async def test_what_is_refused_leaves_nothing(office: Office, acme: Client) -> None:
    known = len(await entries(office))
    [number] = (await acme.call("GET", "/v1/numbers")).json["data"]
    for method, path, body, status in (
        ("POST", "/v1/forwards", {"kind": "sip", "number": "+48601000009", "to": ["101"]}, 422),
        ("POST", "/v1/keys", {"name": "app1"}, 409),
        ("DELETE", f"/v1/keys/key_{'0' * 26}", None, 404),
        ("POST", f"/v1/forwards/fwd_{'0' * 26}/rotate-secret", None, 404),
        ("POST", f"/v1/webhooks/deliveries/evt_{'0' * 26}/replay", None, 404),
    ):
        answer = await acme.call(method, path, body)
        assert answer.status == status, answer.text
    assert await office.apply({"version": 1, "routes": [{"prefix": "+44", "carrier": "nobody"}]})
    assert len(await entries(office)) == known
    assert number["forwarding"] is True


# --- read over HTTP -----------------------------------------------------------------------------------------


async def test_everyone_sees_their_own(office: Office, site: Site, acme: Client) -> None:
    other, operator = site.client(OTHER_KEY), site.client(OPERATOR_KEY)
    made = (await acme.call("POST", "/v1/blacklist", {"match": "name", "value": "Spam"})).json
    [newest_one, *_] = (await acme.call("GET", "/v1/audit")).json["data"]
    assert newest_one["object"] == made["id"]
    seen = {}
    for name, client in (("acme", acme), ("other", other), ("operator", operator)):
        answer = await client.call("GET", "/v1/audit?limit=1000")
        assert answer.status == 200, answer.text
        seen[name] = {one["id"]: one for one in answer.json["data"]}
    assert not seen["acme"].keys() & seen["other"].keys()
    assert len(seen["acme"]) + len(seen["other"]) + len(seen["operator"]) == len(await entries(office))
    assert all("tenants[other]" in one["label"] for one in seen["other"].values())
    assert {one["kind"] for one in seen["operator"].values()} == {
        "operators", "carriers", "routes", "price_lists", "rates", "tenants",
    }  # fmt: skip
    assert {one["tenant"] for one in seen["operator"].values()} == {None}
    assert {one["tenant"][:4] for one in seen["acme"].values()} == {"ten_"}


async def test_a_key_that_only_sends_sees_nothing(acme: Client, site: Site) -> None:
    sender = (await acme.call("POST", "/v1/keys", {"name": "sender"})).json["token"]
    answer = await site.client(sender).call("GET", "/v1/audit")
    assert (answer.status, answer.code) == (403, "forbidden")


async def test_filters_and_pages(acme: Client) -> None:
    blocked = [
        (await acme.call("POST", "/v1/blacklist", {"match": "name", "value": f"Spam{number}"})).json["id"]
        for number in range(5)
    ]
    await acme.call("DELETE", f"/v1/blacklist/{blocked[0]}")

    async def listed(query: str) -> list[Json]:
        found: list[Json] = []
        more, cursor = True, ""
        while more:
            page = (await acme.call("GET", f"/v1/audit?limit=2&{query}{cursor}")).json
            assert len(page["data"]) <= 2
            found += page["data"]
            more, cursor = page["has_more"], f"&starting_after={page['data'][-1]['id']}" if found else ""
        return found

    assert [one["object"] for one in await listed("kind=blacklist&who=key:app1")] == [
        blocked[0],
        *reversed(blocked),
    ]
    assert [one["action"] for one in await listed(f"object={blocked[0]}")] == ["removed", "added"]
    assert [one["object"] for one in await listed("action=removed")] == [blocked[0]]
    assert [one["object"] for one in await listed("object=tenants[acme].blacklist[name%20Spam3]")] == [
        blocked[3]
    ]
    assert await listed("who=key:nobody") == []
    for wrong in ("action=x", "starting_after=blk_0", "color=red", "limit=0"):
        assert (await acme.call("GET", f"/v1/audit?{wrong}")).status == 422


async def test_a_seal_comes_afterwards_and_once(office: Office, acme: Client) -> None:
    [fresh, *_] = (await acme.call("GET", "/v1/audit")).json["data"]
    assert (fresh["seq"], fresh["prev"], fresh["hash"]) == (None, None, None)
    count = len(await entries(office))
    assert await Seals().run(office.context) == count
    assert await Seals().run(office.context) == 0
    sealed = (await acme.call("GET", "/v1/audit")).json["data"]
    assert [one["seq"] for one in sealed] == list(range(len(sealed), 0, -1))
    assert [one["prev"] for one in sealed[:-1]] == [one["hash"] for one in sealed[1:]]
    assert sealed[-1]["prev"] == "00" * 32
    tenant_id = ids.from_text("ten", sealed[0]["tenant"])
    head = await office.reader.run(chain_head, tenant_id)
    assert head is not None
    assert (head.seq, head.hash.hex()) == (sealed[0]["seq"], sealed[0]["hash"])


async def test_housekeeping_seals_by_itself(office: Office, acme: Client) -> None:
    housekeeping = Housekeeping(
        office.context, lambda _id, _no: False, Receiver(office.context, "PL").flush_partial
    )
    housekeeping.start()

    async def sealed() -> bool:
        return all(one["hash"] for one in (await acme.call("GET", "/v1/audit")).json["data"])

    await eventually(sealed, "nobody seals")
    await housekeeping.stop()
