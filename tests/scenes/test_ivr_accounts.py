"""Flows of calls and where phones are: from the file that is applied, over HTTP, to the directory in force."""

import asyncio
import copy
from typing import Any

import pytest
from sqlalchemy import select

from support.api import Client, Site
from support.fakes import FakeClock
from support.forwarding import FakeForwarder
from support.office import FILE, OTHER_KEY, Office
from voip_sms.core.directory import CallLimits, Identity
from voip_sms.core.failures import Accepted
from voip_sms.core.model import InboundPart
from voip_sms.engine.forwarding import Forwarding
from voip_sms.engine.receive import Receiver
from voip_sms.engine.signals import Signals
from voip_sms.store.tables import forward_job

FLOW = {
    "name": "address",
    "identity": {"kind": "name", "value": "NAME1"},
    "language": "pl",
    "abroad": "random",
    "limits": {"caller": 5, "flow": 500},
}


def file(tenant: str = "acme", **more: Any) -> dict[str, Any]:
    return {"version": 1, "tenants": [{"name": tenant, **more}]}


# --- the file -----------------------------------------------------------------------------------------------


async def test_a_flow_with_everything(office: Office) -> None:
    assert not await office.apply(file(ivr_flows=[FLOW]))
    [flow] = office.holder.current().flows.values()
    account = flow.account
    assert (account.ref, account.identity) == ("ivr:address", Identity("name", "NAME1"))
    assert (account.language, account.abroad, account.enabled) == ("pl", "random", True)
    assert flow.limits == CallLimits(5, 500)
    assert office.holder.current().accounts[account.id] is account


async def test_what_a_file_leaves_out_stays_and_prune_takes_it(office: Office) -> None:
    two = [FLOW, {"name": "hours", "identity": {"kind": "default"}}]
    assert not await office.apply(file(ivr_flows=two))
    assert not await office.apply(file(ivr_flows=[{"name": "address", "enabled": False}]))
    flows = {name: flow for (_, name), flow in office.holder.current().flows.items()}
    assert (flows["address"].account.enabled, flows["address"].limits) == (False, CallLimits(5, 500))
    assert flows["hours"].limits == CallLimits()
    assert not await office.apply(FILE, prune=True)
    assert not office.holder.current().flows


async def test_two_customers_may_call_their_flows_alike(office: Office) -> None:
    assert not await office.apply(file(ivr_flows=[FLOW]))
    theirs = {"name": "address", "identity": {"kind": "name", "value": "NAME2"}}
    assert not await office.apply(file("other", ivr_flows=[theirs]))
    values = {flow.account.identity.value for flow in office.holder.current().flows.values()}
    assert values == {"NAME1", "NAME2"}


@pytest.mark.parametrize(
    ("flow", "where", "what"),
    [
        ({"name": "address"}, "ivr_flows[0]", "needs identity"),
        (FLOW | {"identity": {"kind": "name", "value": "NAME2"}}, "ivr_flows[0].identity.value", "no sender"),
        (FLOW | {"identity": {"kind": "2way", "value": "no"}}, "ivr_flows[0].identity.value", "no pool"),
    ],
)
async def test_a_flow_sends_as_somebody_who_is_there(
    office: Office, flow: dict[str, Any], where: str, what: str
) -> None:
    ((at, why),) = await office.apply(file(ivr_flows=[flow]))
    assert at == f"tenants[0].{where}"
    assert what in why


async def test_a_name_that_a_flow_shows_does_not_go(office: Office) -> None:
    assert not await office.apply(file(ivr_flows=[FLOW]))
    keeping = copy.deepcopy(FILE)
    keeping["tenants"][0] |= {"sender_names": [], "ivr_flows": [{"name": "address"}]}
    ((at, why),) = await office.apply(keeping, prune=True)
    assert (at, why.partition(";")[0]) == (
        "tenants[0].ivr_flows[0].identity.value",
        'no sender name "NAME1"',
    )


# --- over HTTP ----------------------------------------------------------------------------------------------


async def test_flows_over_http(acme: Client, office: Office) -> None:
    given = {"name": "address", "identity": {"kind": "name", "value": "NAME1"}, "limits": {"caller": 2}}
    made = await acme.call("POST", "/v1/ivr-flows", given)
    assert made.status == 201, made.text
    assert made.json == {
        "id": made.json["id"],
        **given,
        "abroad": "2way",
        "language": "en",
        "limits": {"caller": 2, "flow": None},
        "enabled": True,
    }
    assert made.json["id"].startswith("ivr_")
    assert (await acme.call("GET", "/v1/ivr-flows")).json["data"] == [made.json]
    assert (await acme.call("POST", "/v1/ivr-flows", given)).status == 409

    path = f"/v1/ivr-flows/{made.json['id']}"
    changed = await acme.call("PATCH", path, {"limits": {"flow": 9}, "identity": {"kind": "default"}})
    assert changed.json["limits"] == {"caller": None, "flow": 9}
    [flow] = office.holder.current().flows.values()
    assert (flow.limits, flow.account.identity) == (CallLimits(None, 9), Identity("default"))
    stranger = await acme.call("PATCH", path, {"identity": {"kind": "name", "value": "NAME2"}})
    assert (stranger.status, stranger.json["errors"][0]["pointer"]) == (422, "/identity/value")
    assert (await acme.call("DELETE", path)).status == 204
    assert not office.holder.current().flows


async def test_nobody_touches_anothers_flow(site: Site, acme: Client) -> None:
    given = {"name": "address", "identity": {"kind": "default"}}
    made = (await acme.call("POST", "/v1/ivr-flows", given)).json
    other = site.client(OTHER_KEY)
    assert (await other.call("GET", "/v1/ivr-flows")).json["data"] == []
    assert (await other.call("PATCH", f"/v1/ivr-flows/{made['id']}", {"enabled": False})).status == 404
    assert (await other.call("DELETE", f"/v1/ivr-flows/{made['id']}")).status == 404


# --- where phones are ---------------------------------------------------------------------------------------


async def test_a_phone_on_a_pbx_needs_no_password_here(office: Office, acme: Client) -> None:
    assert not await office.apply(file(sip_accounts=[{"user": "201", "via": "asterisk"}]))
    phone = office.holder.current().sip["201"]
    assert (phone.via, dict(phone.ha1)) == ("asterisk", {})
    listed = (await acme.call("GET", "/v1/sip-accounts")).json["data"]
    assert {one["user"]: one["via"] for one in listed} == {"101": "direct", "201": "asterisk"}


@pytest.mark.parametrize("via", ["direct", "proxy"])
async def test_phones_that_register_need_a_password(office: Office, via: str) -> None:
    ((at, why),) = await office.apply(file(sip_accounts=[{"user": "201", "via": via}]))
    assert (at, why) == ("tenants[0].sip_accounts[0].password", "needed: its phones register with it")


async def test_a_phone_leaves_the_pbx_with_a_password_only(office: Office) -> None:
    assert not await office.apply(file(sip_accounts=[{"user": "201", "via": "asterisk"}]))
    assert await office.apply(file(sip_accounts=[{"user": "201", "via": "direct"}]))
    assert not await office.apply(file(sip_accounts=[{"user": "201", "via": "direct", "password": "pw-201"}]))
    assert office.holder.current().sip["201"].via == "direct"


async def test_texts_that_waited_for_the_phone_go_when_it_moves_to_a_pbx(
    office: Office, clock: FakeClock
) -> None:
    receiver = Receiver(office.context, "PL")
    for number in (1, 2):
        digest = number.to_bytes(32)
        await receiver.receive("sim", InboundPart("+48777000001", "+48601000001", "Hej", "gsm7", digest))
    pbx = FakeForwarder(Accepted(handed_to="PBX"))
    forwarding = Forwarding(office.context, Signals(), {"sip": FakeForwarder()}, elsewhere={"asterisk": pbx})
    await forwarding.start()
    async with asyncio.timeout(10):
        while await waiting_until(office) <= clock.now():
            await asyncio.sleep(0.01)
        assert not await office.apply(file(sip_accounts=[{"user": "101", "via": "asterisk"}]))
        while len(pbx.jobs) < 2:
            await asyncio.sleep(0.01)
    await forwarding.stop(1)


async def waiting_until(office: Office) -> int:
    """When the first text for a phone is tried."""
    jobs = forward_job.c
    first = select(jobs.due_at).where(jobs.kind == "sip").order_by(jobs.id).limit(1)
    return int(await office.context.reader.run(lambda connection: connection.execute(first).scalar_one()))
