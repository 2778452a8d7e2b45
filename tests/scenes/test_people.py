"""People made and changed: who may do it, what it ends, what is mailed; companies that register."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from pydantic import ValidationError
from sqlalchemy import select

from support.fakes import FakeClock, fixed_random
from support.office import BY, FILE
from support.people import ANN, AWAY, BEN, CAT, HOME, OTTO, PANEL, PASSWORD, PEOPLE, ROOT, Desk
from voip_sms.cli.main import main
from voip_sms.core.clock import HOUR
from voip_sms.core.directory import NO_TENANT, Identity
from voip_sms.core.failures import Accepted, Refusal, Temporary
from voip_sms.core.people import Registration, User
from voip_sms.core.resources import InvalidError
from voip_sms.core.resources.people import Approval, Asking, NewUser, Refused, UserPatch
from voip_sms.engine.forward_claims import Room, claim_unit
from voip_sms.engine.forward_outcomes import Ended, record_unit
from voip_sms.engine.people.registration import ASKED_BURST
from voip_sms.engine.people.rows import SignedIn
from voip_sms.engine.people.sign_in import SignIn
from voip_sms.engine.people.users import sight
from voip_sms.forwards.mail import compose
from voip_sms.store.tables import audit_entry


@pytest.fixture
async def desk(database_url: str, clock: FakeClock) -> AsyncIterator[Desk]:
    made = await Desk.open(database_url, clock)
    yield made
    await made.close()


async def refused(coroutine: Any, code: str) -> Refusal:
    with pytest.raises(Refusal) as error:
        await coroutine
    assert error.value.code.name == code
    return error.value


# --- users --------------------------------------------------------------------------------------------------


async def test_somebody_new_gets_a_link_by_mail_and_is_in(desk: Desk) -> None:
    ann, acme = await desk.user(ANN), desk.tenant("acme")
    made = await desk.users.create(ann, acme, NewUser(mail="Dan@Acme.test", name="Dan", language="pl"))
    assert (made.mail, made.role, made.has_password, made.tenant_id) == ("dan@acme.test", "user", False, acme)
    (job,) = await desk.mails("people.invited")
    assert (job["target"], job["payload"]["by"], job["payload"]["language"]) == ("dan@acme.test", "Ann", "pl")
    assert job["expires_at"] == desk.clock.now() + 48 * HOUR
    link = job["payload"]["link"]
    assert link.startswith(f"{PANEL}/link/")
    await desk.links.set_password(link.rpartition("/")[2], PASSWORD, HOME)
    assert (await desk.signed_in("dan@acme.test")).user.name == "Dan"


async def test_a_link_is_mailed_again_a_few_times_an_hour_and_to_nobody_who_is_off(desk: Desk) -> None:
    ann, ben, cat, acme = *[await desk.user(one) for one in (ANN, BEN, CAT)], desk.tenant("acme")
    for _ in range(3):
        await desk.users.invite(ann, acme, ben.id)
    await refused(desk.users.invite(ann, acme, ben.id), "rate_limited")
    mails = await desk.mails("people.invited")
    assert [(one["target"], one["payload"]["by"]) for one in mails] == [(BEN, "Ann")] * 3
    first = mails[0]["payload"]["link"].rpartition("/")[2]
    assert await desk.links.set_password(first, PASSWORD, HOME)
    await desk.users.change(ann, acme, cat.id, UserPatch(enabled=False))
    await refused(desk.users.invite(ann, acme, cat.id), "conflict")
    await refused(desk.users.invite(cat, acme, ben.id), "unauthorized")
    await refused(desk.users.invite(ann, desk.tenant("other"), (await desk.user(OTTO)).id), "not_found")


async def test_of_two_who_edit_one_person_the_second_is_told(desk: Desk) -> None:
    ann, ben, cat = [await desk.user(one) for one in (ANN, BEN, CAT)]
    acme, seen = desk.tenant("acme"), sight(cat)
    await desk.users.change(ann, acme, cat.id, UserPatch(name="Catherine"), seen=seen)
    await refused(desk.users.change(ben, acme, cat.id, UserPatch(role="admin"), seen=seen), "conflict")
    now = sight(await desk.user(CAT))
    assert (await desk.users.change(ben, acme, cat.id, UserPatch(role="admin"), seen=now)).role == "admin"


async def test_one_address_is_one_person(desk: Desk) -> None:
    ann, otto = await desk.user(ANN), await desk.user(OTTO)
    await refused(desk.users.create(ann, desk.tenant("acme"), NewUser(mail=OTTO, name="Otto")), "conflict")
    root = await desk.user(ROOT)
    new = NewUser(mail="dan@acme.test", name="Dan")
    tries = [desk.users.create(root, desk.tenant(name), new) for name in ("acme", "other")]
    came = await asyncio.gather(*tries, return_exceptions=True)
    assert [isinstance(one, User) for one in came].count(True) == 1
    assert len(await desk.mails("people.invited")) == 1
    del otto


async def test_who_may_look_after_whom(desk: Desk) -> None:
    acme, other = desk.tenant("acme"), desk.tenant("other")
    ann, cat, otto, root = [await desk.user(one) for one in (ANN, CAT, OTTO, ROOT)]
    new = NewUser(mail="dan@acme.test", name="Dan")
    await refused(desk.users.create(cat, acme, new), "forbidden")
    await refused(desk.users.create(ann, other, new), "not_found")
    await refused(
        desk.users.create(ann, NO_TENANT, NewUser(mail="x@y.test", name="X", role="operator")), "not_found"
    )
    await refused(desk.users.create(otto, other, new), "forbidden")  # not switched on for that company
    await refused(
        desk.users.create(ann, acme, NewUser(mail="x@y.test", name="X", role="operator")), "invalid"
    )
    await refused(desk.users.create(root, b"?" * 16, new), "not_found")
    await refused(desk.users.list(cat, acme), "forbidden")
    await refused(desk.users.list(ann, other), "not_found")
    assert [one.mail for one in await desk.users.list(ann, acme)] == [ANN, BEN, CAT]
    made = await desk.users.create(root, other, new)
    assert made.tenant_id == other
    staff = await desk.users.create(
        root, NO_TENANT, NewUser(mail="eve@operator.test", name="Eve", role="operator")
    )
    assert staff.is_operator
    await refused(desk.users.change(ann, acme, otto.id, UserPatch(role="user")), "not_found")


async def test_nobody_raises_or_ends_themselves(desk: Desk) -> None:
    acme = desk.tenant("acme")
    ann, cat, root = [await desk.user(one) for one in (ANN, CAT, ROOT)]
    await refused(desk.users.change(cat, acme, cat.id, UserPatch(role="admin")), "forbidden")
    await refused(desk.users.change(ann, acme, ann.id, UserPatch(enabled=False)), "forbidden")
    await refused(desk.users.change(root, NO_TENANT, root.id, UserPatch(enabled=False)), "forbidden")
    await refused(desk.users.change(ann, acme, cat.id, UserPatch(role="operator")), "invalid")
    assert (await desk.users.change(ann, acme, ann.id, UserPatch(name="Anna"))).name == "Anna"


async def test_another_role_ends_sessions_at_once(desk: Desk) -> None:
    signed = await desk.signed_in(CAT)
    link = (await desk.links.make(CAT, "sign_in", BY)).rpartition("/")[2]
    ann, acme = await desk.user(ANN), desk.tenant("acme")
    await desk.users.change(ann, acme, signed.user.id, UserPatch(role="admin"))
    assert not await desk.is_in(signed.token)
    await refused(desk.links.sign_in(link, HOME), "not_found")
    assert (await desk.signed_in(CAT)).user.role == "admin"


async def test_who_is_switched_off_is_out_at_once(desk: Desk) -> None:
    signed = await desk.signed_in(CAT)
    ann, acme = await desk.user(ANN), desk.tenant("acme")
    await desk.users.change(ann, acme, signed.user.id, UserPatch(enabled=False))
    assert not await desk.is_in(signed.token)
    await refused(desk.sessions.renew(signed.token, HOME), "unauthorized")
    await desk.users.change(ann, acme, signed.user.id, UserPatch(enabled=True))
    assert not await desk.is_in(signed.token)


def switched(*, on: bool) -> dict[str, object]:
    return {"version": 1, "tenants": [{"name": "other", "enabled": on}]}


async def test_a_switched_off_tenants_people_are_out_and_sign_in_anew_when_it_is_back(desk: Desk) -> None:
    signed, bystander = await desk.signed_in(OTTO), await desk.signed_in(CAT)
    link = (await desk.links.make(OTTO, "sign_in", BY)).rpartition("/")[2]
    assert not await desk.office.apply(switched(on=False))
    assert not await desk.is_in(signed.token)
    assert not await desk.office.apply(switched(on=True))
    assert not await desk.is_in(signed.token)
    await refused(desk.links.sign_in(link, HOME), "not_found")
    assert await desk.is_in((await desk.signed_in(OTTO)).token)
    assert await desk.is_in(bystander.token)


async def test_a_session_of_a_node_that_heard_late_is_over_when_the_tenant_is_back(desk: Desk) -> None:
    """Another process learns within a second that a customer is switched off."""
    before = desk.office.holder.current()
    assert not await desk.office.apply(switched(on=False))
    late = replace(desk.office.context, directory=lambda: before)
    sign_in = SignIn(late, desk.proving, desk.guesses, fixed_random(9).randbytes, seconds=lambda: 0.0)
    signed = await sign_in.by_password(OTTO, PASSWORD, HOME)
    assert isinstance(signed, SignedIn)
    assert not await desk.office.apply(switched(on=True))
    assert not await desk.is_in(signed.token)


async def test_a_company_keeps_an_administrator(desk: Desk) -> None:
    acme, root = desk.tenant("acme"), await desk.user(ROOT)
    ann, ben = await desk.user(ANN), await desk.user(BEN)
    await desk.users.change(root, acme, ben.id, UserPatch(role="user"))
    await refused(desk.users.change(root, acme, ann.id, UserPatch(role="user")), "conflict")
    await refused(desk.users.change(root, acme, ann.id, UserPatch(enabled=False)), "conflict")
    await desk.users.change(root, acme, ben.id, UserPatch(role="admin"))
    await desk.users.change(root, acme, ann.id, UserPatch(enabled=False))


async def test_two_who_demote_each_other_at_once_leave_one(desk: Desk) -> None:
    acme = desk.tenant("acme")
    ann, ben = await desk.user(ANN), await desk.user(BEN)
    tries = [
        desk.users.change(ann, acme, ben.id, UserPatch(role="user")),
        desk.users.change(ben, acme, ann.id, UserPatch(role="user")),
    ]
    came = await asyncio.gather(*tries, return_exceptions=True)
    assert [isinstance(one, User) for one in came] == [True, False]
    roles = {one.mail: one.role for one in await desk.users.list(ann, acme)}
    assert (roles[ANN], roles[BEN]) == ("admin", "user")


async def test_what_administrators_do_stands_in_the_audit_log(desk: Desk) -> None:
    ann, acme = await desk.user(ANN), desk.tenant("acme")
    made = await desk.users.create(ann, acme, NewUser(mail="dan@acme.test", name="Dan"))
    await desk.users.change(ann, acme, made.id, UserPatch(role="admin"))
    entries = await desk.office.reader.run(
        lambda connection: connection.execute(
            select(audit_entry).where(audit_entry.c.door == "panel").order_by(audit_entry.c.id)
        ).all()
    )
    assert [(one.who, one.action, one.label) for one in entries] == [
        (f"user:{ANN}", "added", "tenants[acme].users[dan@acme.test]"),
        (f"user:{ANN}", "changed", "tenants[acme].users[dan@acme.test]"),
    ]
    assert (entries[1].before, entries[1].after) == ({"role": "user"}, {"role": "admin"})
    assert all(one.tenant_id == acme for one in entries)


async def test_who_made_a_link_stands_in_the_audit_log(desk: Desk) -> None:
    token = (await desk.links.make(CAT, "sign_in", BY)).rpartition("/")[2]
    entries = await desk.office.reader.run(
        lambda connection: connection.execute(select(audit_entry).where(audit_entry.c.kind == "links")).all()
    )
    assert [(one.who, one.label) for one in entries] == [
        (BY.who, f"tenants[acme].users[{CAT}].links[sign_in]")
    ]
    assert token not in repr(entries)


# --- what they send as --------------------------------------------------------------------------------------

SENDING: dict[str, Any] = {
    "version": 1,
    "carriers": [
        {"name": "sim", "kind": "smpp", "host": "127.0.0.1", "port": 2775, "system_id": "s", "password": "s"}
    ],
    "pools": [{"name": "pl", "carrier": "sim", "numbers": ["+48799000001"]}],
    "tenants": [
        {
            "name": "acme",
            "sender_names": [{"name": "ACME", "status": "approved"}],
            "numbers": [{"number": "+48601000001", "kind": "own_mobile", "carrier": "sim"}],
            "users": [{"mail": CAT, "identity": {"kind": "name", "value": "ACME"}}],
        },
        {"name": "other", "numbers": [{"number": "+48601000009", "kind": "own_mobile", "carrier": "sim"}]},
    ],
}


async def test_people_are_accounts_that_send_as_they_were_told_to(desk: Desk) -> None:
    assert not await desk.office.apply(SENDING)
    cat, ann, root = [await desk.user(one) for one in (CAT, ANN, ROOT)]
    accounts = desk.office.holder.current().accounts
    assert cat.identity == accounts[cat.id].identity == Identity("name", "ACME")
    assert (accounts[cat.id].ref, accounts[cat.id].tenant_id) == (f"user:{CAT}", desk.tenant("acme"))
    assert (accounts[ann.id].identity, accounts[ann.id].language) == (Identity("default"), "pl")
    assert root.id not in accounts


async def test_an_administrator_says_what_somebody_sends_as_and_it_is_in_force(desk: Desk) -> None:
    assert not await desk.office.apply(SENDING)
    ann, cat, acme = await desk.user(ANN), await desk.user(CAT), desk.tenant("acme")
    patch = UserPatch.model_validate({"identity": {"kind": "number", "value": "601 000 001"}})
    changed = await desk.users.change(ann, acme, cat.id, patch)
    assert changed.identity == Identity("number", "+48601000001")
    await desk.office.holder.refresh_now()
    account = desk.office.holder.current().accounts[cat.id]
    assert account.identity == changed.identity
    new = {"mail": "dan@acme.test", "name": "Dan", "identity": {"kind": "2way", "value": "pl"}}
    made = await desk.users.create(ann, acme, NewUser.model_validate(new))
    await desk.office.holder.refresh_now()
    assert desk.office.holder.current().accounts[made.id].identity == Identity("2way", "pl")
    await desk.users.change(ann, acme, cat.id, UserPatch(enabled=False))
    await desk.office.holder.refresh_now()
    assert not desk.office.holder.current().accounts[cat.id].enabled


@pytest.mark.parametrize(
    ("kind", "value"), [("number", "+48601000009"), ("name", "OTHER"), ("2way", "xx"), ("random", "xx")]
)
async def test_nobody_sends_as_what_is_not_theirs(desk: Desk, kind: str, value: str) -> None:
    assert not await desk.office.apply(SENDING)
    ann, cat, acme = await desk.user(ANN), await desk.user(CAT), desk.tenant("acme")
    patch = UserPatch.model_validate({"identity": {"kind": kind, "value": value}})
    with pytest.raises(InvalidError) as error:
        await desk.users.change(ann, acme, cat.id, patch)
    assert [one.path for one in error.value.complaints] == [("identity", "value")]


# --- registration -------------------------------------------------------------------------------------------

ASKING = Asking(
    company="Żółw sp. z o.o.",
    name="Zofia",
    mail="Zofia@zolw.test",
    phone="+48601",
    tax_id="525-000",
    about="SMS do klientów",
    language="pl",
)


async def asked(desk: Desk) -> Registration:
    await desk.registrations.ask(ASKING, HOME)
    (found,), more = await desk.registrations.list(await desk.user(ROOT))
    assert not more
    return found


async def test_a_company_asks_is_approved_and_signs_in(desk: Desk) -> None:
    found = await asked(desk)
    assert (found.status, found.company, found.mail) == ("pending", ASKING.company, ASKING.mail)
    (came,) = await desk.mails("registration.received")
    assert (came["target"], came["payload"]) == (ASKING.mail, {"language": "pl", "code": found.code})
    decided = await desk.registrations.approve(
        await desk.user(ROOT), found.id, Approval(tenant="zolw", price_list="std")
    )
    assert decided.status == "approved"
    tenant = desk.office.holder.current().tenants[decided.became or b""]
    assert (tenant.name, tenant.price_list, tenant.language, tenant.self_service) == (
        "zolw",
        "std",
        "pl",
        True,
    )
    (mail,) = await desk.mails("registration.approved")
    assert (mail["target"], mail["tenant_id"]) == (ASKING.mail, tenant.id)
    signed = await desk.links.set_password(mail["payload"]["link"].rpartition("/")[2], PASSWORD, HOME)
    assert (signed.user.role, signed.user.tenant_id) == ("admin", tenant.id)  # type: ignore[union-attr]


async def test_of_two_operators_who_decide_at_once_one_does(desk: Desk) -> None:
    found, root = await asked(desk), await desk.user(ROOT)
    tries = [
        desk.registrations.approve(root, found.id, Approval(tenant="zolw")),
        desk.registrations.approve(root, found.id, Approval(tenant="zolw-2")),
        desk.registrations.refuse(root, found.id, Refused(reason="twice")),
    ]
    came = await asyncio.gather(*tries, return_exceptions=True)
    assert [isinstance(one, Registration) for one in came].count(True) == 1
    assert {one.code.name for one in came if isinstance(one, Refusal)} == {"conflict"}


async def test_it_is_refused_with_a_reason_and_may_ask_again(desk: Desk) -> None:
    found, root = await asked(desk), await desk.user(ROOT)
    decided = await desk.registrations.refuse(root, found.id, Refused(reason="no such company"))
    assert (decided.status, decided.reason) == ("refused", "no such company")
    (mail,) = await desk.mails("registration.refused")
    assert mail["payload"]["reason"] == "no such company"
    await refused(desk.registrations.approve(root, found.id, Approval(tenant="zolw")), "conflict")
    await desk.registrations.ask(ASKING, HOME)
    assert len(await desk.mails("registration.received")) == 2


async def test_who_asks_twice_or_is_there_hears_nothing_new(desk: Desk) -> None:
    await asked(desk)
    await desk.registrations.ask(ASKING, AWAY)
    await desk.registrations.ask(Asking(company="Acme", name="Ann", mail=ANN), AWAY)
    assert len(await desk.mails("registration.received")) == 1


async def test_the_form_is_no_way_to_mail_strangers(desk: Desk) -> None:
    for number in range(ASKED_BURST):
        await desk.registrations.ask(Asking(company="X", name="X", mail=f"x{number}@x.test"), AWAY)
    error = await refused(
        desk.registrations.ask(Asking(company="X", name="X", mail="y@x.test"), AWAY), "rate_limited"
    )
    assert error.data["retry_after"] == 600


async def test_approving_needs_an_operator_a_free_name_and_a_price_list(desk: Desk) -> None:
    found, root, ann = await asked(desk), await desk.user(ROOT), await desk.user(ANN)
    await refused(desk.registrations.list(ann), "forbidden")
    await refused(desk.registrations.refuse(ann, found.id, Refused(reason="x")), "forbidden")
    await refused(desk.registrations.approve(ann, found.id, Approval(tenant="zolw")), "unauthorized")
    await refused(desk.registrations.approve(root, b"?" * 16, Approval(tenant="zolw")), "not_found")
    await refused(desk.registrations.approve(root, found.id, Approval(tenant="acme")), "conflict")
    with pytest.raises(InvalidError):
        await desk.registrations.approve(root, found.id, Approval(tenant="zolw", price_list="none"))
    assert await desk.registrations.approve(root, found.id, Approval(tenant="zolw"))


# --- their mails in the queue -------------------------------------------------------------------------------


class Mailer:
    relay = ""
    domain = "sms.test"
    sender = "sms@sms.test"


async def test_a_mail_goes_out_in_the_persons_language_and_the_link_goes_with_it(desk: Desk) -> None:
    ann = await desk.user(ANN)
    await desk.users.create(
        ann, desk.tenant("acme"), NewUser(mail="dan@box.test", name="Dan Bcc: x@y.test", language="pl")
    )
    context = desk.office.context
    room = Room({"mail": 5}, {}, 4, frozenset())
    taken = await context.writer.do(claim_unit(context.directory(), room, "main", desk.clock.now()))
    (claim,) = taken.claims
    assert claim.outcome is None
    mail = compose(claim.job, Mailer())  # type: ignore[arg-type]
    text = mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    link = str(claim.job.payload["link"])
    assert mail["Subject"] == "Twój dostęp do panelu SMS"
    assert (mail["To"], mail["Bcc"], mail["Auto-Submitted"]) == ("dan@box.test", None, "auto-generated")
    assert link in text
    assert "Zaprasza: Ann" in text
    for outcome, left in ((Temporary("later"), True), (Accepted(), False)):
        ended = Ended(outcome, "main", desk.clock.now(), 0.5, context.new_id)
        await context.writer.do(record_unit(claim, ended))
        (job,) = await desk.mails("people.invited")
        assert (job["payload"] is not None) is left
        desk.clock.advance(600)
        taken = await context.writer.do(claim_unit(context.directory(), room, "main", desk.clock.now()))
        claim = next(iter(taken.claims), claim)


async def test_a_mail_to_who_is_nobodys_yet_goes_out_too(desk: Desk) -> None:
    await asked(desk)
    context = desk.office.context
    room = Room({"mail": 5}, {}, 4, frozenset())
    taken = await context.writer.do(claim_unit(context.directory(), room, "main", desk.clock.now()))
    (claim,) = taken.claims
    assert claim.outcome is None
    mail = compose(claim.job, Mailer())  # type: ignore[arg-type]
    assert (mail["To"], mail["Subject"]) == (ASKING.mail, "Otrzymaliśmy Twoją rejestrację")


# --- apply and the command ----------------------------------------------------------------------------------


async def test_the_same_file_again_changes_nothing_and_a_password_ends_sessions(desk: Desk) -> None:
    signed = await desk.signed_in()
    link = (await desk.links.make(ANN, "password", BY)).rpartition("/")[2]
    assert not await desk.office.apply(PEOPLE)
    assert await desk.is_in(signed.token)
    assert (await desk.links.look(link)).user.mail == ANN
    changed = {"mail": ANN, "name": "Anna", "password": "another horse battery"}
    assert not await desk.office.apply({"version": 1, "tenants": [{"name": "acme", "users": [changed]}]})
    assert not await desk.is_in(signed.token)
    await refused(desk.links.look(link), "not_found")
    assert await desk.sign_in.by_password(ANN, "another horse battery", HOME)
    assert (await desk.user(ANN)).role == "admin"


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (
            {"tenants": [{"name": "other", "users": [{"mail": ANN, "name": "Ann"}]}]},
            "belongs to somebody already",
        ),
        ({"operators": [{"mail": ANN, "name": "Ann"}]}, "belongs to somebody already"),
        ({"operators": [{"mail": "new@op.test"}]}, "is new and needs name"),
    ],
)
async def test_what_apply_refuses(desk: Desk, document: dict[str, Any], said: str) -> None:
    ((_, what),) = await desk.office.apply({"version": 1, **document})
    assert said in what


@pytest.mark.parametrize(
    ("user", "said"),
    [
        ({"mail": "x@y.test", "name": "X", "password": "short"}, "at least 10"),
        ({"mail": "x@y.test", "name": "X", "role": "operator"}, "role"),
        ({"mail": "xy.test", "name": "X"}, "not a mail address"),
    ],
)
async def test_what_no_user_is(desk: Desk, user: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        await desk.office.apply({"version": 1, "tenants": [{"name": "acme", "users": [user]}]})


async def test_prune_takes_people_and_their_sessions(desk: Desk) -> None:
    signed = await desk.signed_in(CAT)
    acme = {**FILE["tenants"][0], "users": PEOPLE["tenants"][0]["users"][:2]}  # type: ignore[index]
    file = {**FILE, "operators": [*FILE["operators"], *PEOPLE["operators"]], "tenants": [acme]}  # type: ignore[misc]
    assert not await desk.office.apply(file, prune=True)
    assert not await desk.is_in(signed.token)
    assert [one.mail for one in await desk.users.list(await desk.user(ROOT), desk.tenant("acme"))] == [
        ANN,
        BEN,
    ]


def run(*arguments: str) -> Any:
    return CliRunner().invoke(main, list(arguments), catch_exceptions=False)


def test_the_command_prints_a_link(tmp_path: Path) -> None:
    config, people = tmp_path / "voip-sms.toml", tmp_path / "people.yaml"
    config.write_text('[http]\nlisten = "127.0.0.1:8080"\n')
    people.write_text(f"version: 1\noperators: [{{mail: {ROOT}, name: Root}}]\n")
    applied = run("apply", str(people), "--config", str(config))
    assert applied.stdout.endswith("apply: 1 added, 0 changed, 0 removed, 0 unchanged\n")
    assert f"+ operators[{ROOT}]" in applied.stdout
    printed = run("user", "link", ROOT, "--config", str(config)).stdout
    assert printed.startswith("http://127.0.0.1:8080/panel/link/")
    config.write_text('[panel]\nurl = "https://sms.example.com/panel/"\n')
    printed = run("user", "link", ROOT, "--password", "--config", str(config)).stdout
    assert printed.startswith("https://sms.example.com/panel/link/")
    missing = run("user", "link", "nobody@x.test", "--config", str(config))
    assert (missing.exit_code, missing.stdout) == (1, "")
    assert "nobody signs in" in missing.stderr
