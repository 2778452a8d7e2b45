"""The operator's keys: what they open, that they send nothing, and that no tenant's key opens it."""

import pytest

from support.api import Client, Site
from support.office import ACME_KEY, OPERATOR_KEY, Office
from voip_sms.doors.api.operations import OPERATIONS
from voip_sms.store.units import Rows, Unit

OPENED = ("/v1/tenants", "/v1/quarantine", "/v1/orphan-receipts", "/v1/applied-names")
DECIDING = ("/v1/quarantine/{id}", "/v1/quarantine/{id}", "/v1/applied-names/{id}")
"""By operation: a text is given away or deleted."""


@pytest.fixture
def operator(site: Site) -> Client:
    return site.client(OPERATOR_KEY)


async def insert(office: Office, table: str, **row: object) -> None:
    row = {"id": office.context.new_id(), "carrier": "sim", "received_at": office.context.clock.now(), **row}
    await office.writer.do(Unit(lambda _: Rows(inserts=[(table, row)])))


async def test_all_tenants_with_their_money(operator: Client, site: Site) -> None:
    acme = site.client(ACME_KEY)
    assert (await acme.call("POST", "/v1/messages", {"to": "601123456", "text": "x"})).status == 202
    answer = await operator.call("GET", "/v1/tenants")
    assert answer.status == 200
    tenants = {one["name"]: one for one in answer.json["data"]}
    assert set(tenants) == {"acme", "other"}
    assert tenants["acme"]["balance"] == (await acme.call("GET", "/v1/balance")).json
    assert tenants["acme"]["balance"]["reserved"] == {"amount": "0.29", "currency": "PLN"}
    assert (tenants["other"]["enabled"], tenants["other"]["price_list"]) == (True, "std")


async def test_what_is_nobodys(operator: Client, office: Office) -> None:
    await insert(
        office, "quarantine", sender="+48600", recipient="+48799", body="who?", reason="unknown_number"
    )
    [seen] = (await operator.call("GET", "/v1/quarantine")).json["data"]
    assert seen.pop("id").startswith("qua_")
    assert seen == {
        "carrier": "sim",
        "from": "+48600",
        "to": "+48799",
        "text": "who?",
        "reason": "unknown_number",
        "received_at": "2026-11-22T10:00:00.000000Z",
    }
    await insert(office, "orphan_receipt", carrier_ref="1f", status="delivered", cause="", raw="id:1f")
    [seen] = (await operator.call("GET", "/v1/orphan-receipts")).json["data"]
    assert seen["id"].startswith("orp_")
    assert (seen["reference"], seen["status"], seen["raw"]) == ("1f", "delivered", "id:1f")


async def test_a_text_of_nobody_is_given_to_a_number_or_deleted(
    operator: Client, site: Site, office: Office
) -> None:
    for body in ("one", "two"):
        await insert(
            office,
            "quarantine",
            sender="+48600100200",
            recipient="+48799",
            body=body,
            reason="unknown_number",
        )
    two, one = (await operator.call("GET", "/v1/quarantine")).json["data"]
    wrong = await operator.call("PATCH", f"/v1/quarantine/{one['id']}", {"number": "+48601999999"})
    assert (wrong.status, wrong.code) == (422, "invalid")
    given = await operator.call("PATCH", f"/v1/quarantine/{one['id']}", {"number": "601000001"})
    assert (given.status, given.json) == (200, {"status": "stored"})
    [message] = (await site.client(ACME_KEY).call("GET", "/v1/messages?direction=inbound")).json["data"]
    assert (message["text"], message["to"]) == ("one", "+48601000001")
    assert (await operator.call("DELETE", f"/v1/quarantine/{two['id']}")).status == 204
    assert (await operator.call("DELETE", f"/v1/quarantine/{two['id']}")).status == 404
    assert (await operator.call("GET", "/v1/quarantine")).json["data"] == []


async def test_a_name_is_decided_on(operator: Client, site: Site) -> None:
    acme = site.client(ACME_KEY)
    assert (await acme.call("POST", "/v1/sender-names", {"name": "N4ME2"})).status == 201
    [applied] = (await operator.call("GET", "/v1/applied-names")).json["data"]
    assert (applied["tenant_name"], applied["by"], applied["status"]) == ("acme", "key:app1", "pending")
    assert {"name": "NAME2", "how": "same"} in applied["like"]
    path = f"/v1/applied-names/{applied['id']}"
    assert (await operator.call("PATCH", path, {"status": "rejected"})).status == 422
    done = await operator.call("PATCH", path, {"status": "approved"})
    assert (done.status, done.json["status"]) == (200, "approved")
    assert (await operator.call("PATCH", path, {"status": "approved"})).status == 409
    assert (await operator.call("GET", "/v1/applied-names?status=none")).status == 422
    assert (await operator.call("GET", "/v1/applied-names?status=approved&limit=1")).json["has_more"] is True


async def test_lists_are_bounded_and_page_from_the_newest_on(operator: Client, office: Office) -> None:
    for number in range(5):
        await insert(
            office,
            "quarantine",
            sender="+48600",
            recipient="+48799",
            body=f"{number}",
            reason="no_conversation",
        )
    texts: list[str] = []
    cursor, more = "", True
    while more:
        page = (await operator.call("GET", f"/v1/quarantine?limit=2{cursor}")).json
        assert len(page["data"]) <= 2
        texts += [one["text"] for one in page["data"]]
        more, cursor = page["has_more"], f"&starting_after={page['data'][-1]['id']}"
    assert texts == ["4", "3", "2", "1", "0"]
    assert (await operator.call("GET", "/v1/quarantine?limit=1001")).status == 422
    assert (await operator.call("GET", "/v1/quarantine?starting_after=msg_x")).status == 422
    assert len((await operator.call("GET", "/v1/tenants?limit=1")).json["data"]) == 1


async def test_carriers_with_everything_but_secrets(operator: Client) -> None:
    answer = await operator.call("GET", "/v1/carriers")
    [carrier] = answer.json["data"]
    assert (carrier["state"], carrier["enabled"]) == ("connecting", True)
    assert (carrier["settings"]["host"], carrier["settings"]["system_id"]) == ("127.0.0.1", "sim")
    assert (carrier["settings"]["window"], carrier["settings"]["long"]) == (10, "udh")
    assert "hush" not in answer.text
    assert "password" not in answer.text


async def test_a_tenants_key_opens_none_of_it(site: Site) -> None:
    acme = site.client(ACME_KEY)
    for path in OPENED:
        answer = await acme.call("GET", path)
        assert (answer.status, answer.code) == (403, "forbidden")
    for path in DECIDING:
        answer = await acme.call("PATCH", path.replace("{id}", "qua_" + "0" * 26), {})
        assert (answer.status, answer.code) == (403, "forbidden")
    made = await acme.call("POST", "/v1/keys", {"name": "sly", "scopes": ["operator"]})
    assert (made.status, made.code) == (422, "invalid")


async def test_a_scope_written_into_the_database_makes_no_operator(office: Office, site: Site) -> None:
    await office.writer.run(
        lambda connection: connection.exec_driver_sql(
            'UPDATE api_key SET scopes = \'["messages", "operator"]\''
        )
    )
    await office.writer.run(lambda connection: connection.exec_driver_sql("UPDATE generation SET n = n + 1"))
    await office.holder.refresh_now()
    assert (await site.client(ACME_KEY).call("GET", "/v1/tenants")).status == 403


async def test_an_operators_key_opens_nothing_else(operator: Client, office: Office) -> None:
    """It neither sends nor sees what is a tenant's, whatever it asks for."""
    bodies = {"to": "601123456", "text": "x"}
    opened = []
    for operation in OPERATIONS:
        path = operation.path.replace("{id}", "msg_" + "0" * 26)
        answer = await operator.call(operation.method, path, None if operation.body is None else bodies)
        if answer.status != 403:
            opened.append(operation.path)
    assert sorted(opened) == sorted((*OPENED, *DECIDING, "/v1/audit", "/v1/carriers"))
    messages = await office.reader.run(
        lambda connection: connection.exec_driver_sql("SELECT 1 FROM message").all()
    )
    assert messages == []


async def test_switched_off_it_is_a_wrong_key(operator: Client, office: Office) -> None:
    await office.apply({"version": 1, "operators": [{"name": "root", "enabled": False}]})
    assert (await operator.call("GET", "/v1/tenants")).status == 401


async def test_only_its_hash_and_its_beginning_are_kept(office: Office) -> None:
    def kept(connection):
        return connection.exec_driver_sql("SELECT * FROM operator_key").mappings().one()

    row = await office.reader.run(kept)
    assert (row["name"], row["hint"]) == ("root", OPERATOR_KEY[:8])
    assert OPERATOR_KEY not in str(dict(row))


async def test_one_token_is_one_key(office: Office) -> None:
    complaints = await office.apply({"version": 1, "operators": [{"name": "twin", "token": ACME_KEY}]})
    assert complaints == [("operators[0]", "belongs to somebody already: tenants[acme].keys[app1]")]
    keys = [{"name": "mine", "token": OPERATOR_KEY}]
    complaints = await office.apply({"version": 1, "tenants": [{"name": "acme", "keys": keys}]})
    assert complaints == [("tenants[0].keys[0]", "belongs to somebody already: operators[root]")]
