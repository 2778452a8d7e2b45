"""What people change of themselves stands in the audit log, without a secret; a last administrator is told of."""

from base64 import b32decode
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from support.fakes import FakeClock, fixed_random
from support.office import BY
from support.people import ANN, AWAY, BEN, CAT, HOME, PASSWORD, ROOT, Desk
from voip_sms.cli.main import main
from voip_sms.core.clock import SECOND
from voip_sms.core.resources import ConfigFile
from voip_sms.engine.accounts.applying import Report, apply_file
from voip_sms.engine.accounts.planning import Maker
from voip_sms.engine.accounts.sealing import Vault
from voip_sms.engine.people.rows import SignedIn
from voip_sms.store.tables import audit_entry
from voip_sms.wire import totp

ANOTHER = "another horse battery"


@pytest.fixture
async def desk(database_url: str, clock: FakeClock) -> AsyncIterator[Desk]:
    made = await Desk.open(database_url, clock)
    yield made
    await made.close()


async def told(desk: Desk) -> list[dict[str, Any]]:
    """What the panel's people did, oldest first."""
    wanted = select(audit_entry).where(audit_entry.c.door == "panel").order_by(audit_entry.c.id)
    return await desk.office.reader.run(
        lambda connection: [dict(row) for row in connection.execute(wanted).mappings()]
    )


async def applied(desk: Desk, document: object) -> Report:
    context, file = desk.office.context, ConfigFile.model_validate(document)
    maker = Maker("sms.test", Vault(fixed_random().randbytes), context.new_id, context.clock.now(), BY)
    report: Report = await desk.office.writer.run(lambda connection: apply_file(connection, file, maker))
    return report


async def test_what_somebody_changes_of_themselves_is_told(desk: Desk) -> None:
    signed = await desk.signed_in()
    await desk.own.change(signed.user, name="Anna", language="en", wishes={"name_approved": ("mail",)})
    await desk.own.change(signed.user, name="Anna")
    signed = await desk.own.change_password(signed.user, PASSWORD, ANOTHER, HOME)
    offer = await desk.own.offer_second_factor(signed.user)
    secret = b32decode(offer.secret.replace(" ", ""))
    code = totp.code(secret, totp.step_at(desk.clock.now() // SECOND))
    switched = await desk.own.switch_on(signed.user, ANOTHER, code, HOME)
    await desk.own.switch_off(switched.signed.user, ANOTHER, HOME)
    found = await told(desk)
    assert {(one["who"], one["tenant_id"]) for one in found} == {(f"user:{ANN}", desk.tenant("acme"))}
    assert {one["label"] for one in found} == {f"tenants[acme].users[{ANN}]"}
    assert [(one["before"], one["after"]) for one in found] == [
        (
            {"name": "Ann", "language": "pl", "wishes": {}},
            {"name": "Anna", "language": "en", "wishes": {"name_approved": ["mail"]}},
        ),
        ({"password": "(set)"}, {"password": "(changed)"}),
        ({"totp_secret": None}, {"totp_secret": "(set)"}),
        ({"totp_secret": "(set)"}, {"totp_secret": None}),
    ]
    for hush in (ANOTHER, offer.secret, "$argon2id", *switched.codes):
        assert hush not in repr(found)


async def test_a_password_set_by_a_link_is_told_and_the_link_is_not(desk: Desk) -> None:
    token = (await desk.links.make(BEN, "password", BY)).rpartition("/")[2]
    await desk.links.set_password(token, ANOTHER, HOME)
    (found,) = await told(desk)
    assert (found["who"], found["before"], found["after"]) == (
        f"user:{BEN}",
        {"password": None},
        {"password": "(set)"},
    )
    assert token not in repr(found)


async def test_sessions_that_somebody_ends_are_told_and_signing_out_is_not(desk: Desk) -> None:
    home, away = await desk.signed_in(), await desk.signed_in(visit=AWAY)
    more = [await desk.signed_in(visit=AWAY) for _ in range(2)]
    await desk.sessions.end(home.user, away.session.id)
    await desk.sessions.end_others(home.user, home.token)
    await desk.sessions.sign_out(home.token)
    found = await told(desk)
    assert [(one["action"], one["kind"]) for one in found] == [("removed", "sessions")] * 3
    assert found[0]["label"] == f"tenants[acme].users[{ANN}].sessions[curl {AWAY.address}]"
    assert not any(one.token in repr(found) for one in (home, away, *more))
    assert isinstance(home, SignedIn)


# --- the last one who administers -----------------------------------------------------------------------------


async def test_a_file_that_leaves_nobody_to_administer_is_carried_out_and_says_so(desk: Desk) -> None:
    def off(mail: str) -> dict[str, Any]:
        return {"mail": mail, "enabled": False}

    report = await applied(desk, {"version": 1, "tenants": [{"name": "acme", "users": [off(ANN)]}]})
    assert report.warnings == ()
    last = {
        "version": 1,
        "tenants": [{"name": "acme", "users": [off(BEN), off(CAT)]}],
        "operators": [off(ROOT)],
    }
    report = await applied(desk, last)
    assert report.warnings == (
        "operators: no person is left who signs in at the panel as operator",
        "tenants[acme]: nobody is left who administers it at the panel",
    )
    assert not (await applied(desk, last)).warnings, "what was so before is no news"


def test_apply_tells_of_it_on_stderr_and_in_json(tmp_path: Path) -> None:
    config = tmp_path / "voip-sms.toml"
    config.write_text('[service]\ndata_dir = "var"\n[database]\nurl = "sqlite:///var/x.db"\n')
    file = tmp_path / "file.yaml"
    person = "{{mail: ann@acme.test, name: Ann, role: admin, enabled: {}}}"
    run = ["apply", str(file), "--config", str(config)]
    file.write_text("version: 1\ntenants: [{name: acme, users: [" + person.format("true") + "]}]\n")
    first = CliRunner().invoke(main, run)
    assert (first.exit_code, first.stderr) == (0, "")
    file.write_text("version: 1\ntenants: [{name: acme, users: [" + person.format("false") + "]}]\n")
    planned = CliRunner().invoke(main, [*run, "--plan"])
    assert planned.exit_code == 0
    assert planned.stderr == "warning: tenants[acme]: nobody is left who administers it at the panel\n"
    as_json = CliRunner().invoke(main, [*run, "--json"])
    assert '"warnings": ["tenants[acme]: nobody' in as_json.stdout
