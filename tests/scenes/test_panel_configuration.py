"""What a customer sets up in the panel is what the API would have set up; nobody overwrites anybody unseen."""

import asyncio
import re
from typing import Any

import pytest
import pytest_asyncio

from support.panel import PanelStage, Seen, Visitor
from voip_sms.demo.clients import until
from voip_sms.demo.stage import COLLEAGUES, OWN, SECOND, WRITER

pytestmark = [pytest.mark.asyncio(loop_scope="module")]

PHONE, OTHERS_PHONE = "+48603000001", "+48603000002"
PAGES = (
    "/panel/numbers", "/panel/forwards", "/panel/names", "/panel/phones", "/panel/phones/new",
    "/panel/mail-senders", "/panel/mail-senders/new", "/panel/security", "/panel/security/blocked",
    "/panel/keys", "/panel/keys/new", "/panel/hooks", "/panel/hooks/new", "/panel/deliveries",
    "/panel/groups", "/panel/groups/new", "/panel/keywords", "/panel/company",
)  # fmt: skip


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ann(stage: PanelStage) -> Visitor:
    return await stage.visitor("admin")


async def listed(stage: PanelStage, path: str, **only: object) -> list[dict[str, Any]]:
    """Of the API."""
    found = (await stage.api.get(f"{path}?limit=100"))["data"]
    return [one for one in found if all(one.get(name) == value for name, value in only.items())]


async def the(stage: PanelStage, path: str, **only: object) -> dict[str, Any]:
    (found,) = await listed(stage, path, **only)
    return found


async def codes(stage: PanelStage, number: str) -> list[str]:
    """That a handset was sent, oldest first."""
    texts = [one["text"] for one in await stage.handsets.messages(number)]
    return [found[0] for text in texts if (found := re.search(r"\b\d{6}\b", text))]


# --- lists --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", PAGES)
async def test_every_list_and_form_opens(ann: Visitor, path: str) -> None:
    seen = await ann.get(path)
    assert seen.status == 200, seen.page.text[:300]


async def test_lists_without_anything_say_what_to_do(stage: PanelStage) -> None:
    otto = await stage.visitor("stranger")
    seen = await otto.get("/panel/hooks")
    assert "There is no webhook yet" in seen.page.text
    assert seen.page.all("a", href="/panel/hooks/new")
    blocked = await otto.get("/panel/security/blocked")
    assert "Nothing was blocked" in blocked.page.text


async def test_users_without_the_right_get_none_of_it(stage: PanelStage) -> None:
    ben = await stage.visitor("user")
    for path in PAGES:
        assert (await ben.get(path)).status == 403, path


# --- numbers and forwards -----------------------------------------------------------------------------------


async def test_forwards_are_added_as_the_api_would_and_removed(stage: PanelStage, ann: Visitor) -> None:
    number = await the(stage, "/v1/numbers", number=SECOND)
    page = f"/panel/numbers/{number['id']}"
    seen = await ann.get(page)
    fields = {"kind": "mail", "mail_to": "Box@Acme.test, second@acme.test"}
    done = await ann.send(_form(seen, kind="mail"), f"{page}/forwards", **fields)
    assert "From now on texts go there, too." in done.page.text
    made = await the(stage, "/v1/forwards", number=SECOND, kind="mail")
    await stage.api.call("DELETE", f"/v1/forwards/{made['id']}")
    body = {"kind": "mail", "number": SECOND, "to": ["box@acme.test", "second@acme.test"]}
    status, same, _ = await stage.api.call("POST", "/v1/forwards", body)
    assert status == 201
    assert _without_chance(same) == _without_chance(made)
    again = await ann.send(_form(await ann.get(page), kind="mail"), f"{page}/forwards", **fields)
    assert again.status == 409
    assert "There is one already" in again.page.text
    one = await ann.get(f"/panel/forwards/{same['id']}")
    removed = await ann.send(one, f"/panel/forwards/{same['id']}/remove")
    assert "Removed." in removed.page.text
    assert not await listed(stage, "/v1/forwards", number=SECOND, kind="mail")


async def test_what_is_wrong_stands_at_its_field_and_input_is_kept(stage: PanelStage, ann: Visitor) -> None:
    page = f"/panel/numbers/{(await the(stage, '/v1/numbers', number=SECOND))['id']}"
    wrong = await ann.send(
        _form(await ann.get(page), kind="mail"), f"{page}/forwards", kind="mail", mail_to="no mailbox"
    )
    assert wrong.status == 422
    (field,) = wrong.page.all("textarea", name="mail_to")
    assert (field["aria-invalid"], field.raw.strip()) == ("true", "no mailbox")
    assert "This is not an e-mail address" in wrong.page.text


async def test_forwarding_of_a_number_is_one_switch(stage: PanelStage, ann: Visitor) -> None:
    number = await the(stage, "/v1/numbers", number=SECOND)
    page = f"/panel/numbers/{number['id']}"
    off = await ann.send(await ann.get(page), f"{page}/forwarding")
    assert "Nothing is forwarded from this number." in off.page.text
    assert (await the(stage, "/v1/numbers", number=SECOND))["forwarding"] is False
    on = await ann.send(off, f"{page}/forwarding")
    assert "Texts are forwarded again." in on.page.text
    assert (await the(stage, "/v1/numbers", number=SECOND))["forwarding"] is True


async def test_another_phone_says_its_code_first(stage: PanelStage, ann: Visitor) -> None:
    page = f"/panel/numbers/{(await the(stage, '/v1/numbers', number=SECOND))['id']}"
    asked = await ann.send(
        _form(await ann.get(page), kind="number"), f"{page}/forwards", kind="number", phone="603 000 001"
    )
    assert "An SMS with a code of six digits went to +48 603 000 001" in asked.page.text
    code = (await until(lambda: codes(stage, PHONE), "no code came"))[0]
    assert not await listed(stage, "/v1/forwards", number=SECOND, kind="number")
    told = [one for one in (await stage.api.get("/v1/messages"))["data"] if one["to"] == PHONE]
    assert [one["text"] for one in told] == [None], "who asks must not read the code"
    wrong = await ann.send(asked, f"{page}/code", code="000000" if code != "000000" else "111111")
    assert wrong.status == 422
    assert "2 tries are left" in wrong.page.text
    done = await ann.send(wrong, f"{page}/code", code=code)
    assert "The phone is verified" in done.page.text
    made = await the(stage, "/v1/forwards", number=SECOND, kind="number")
    assert (made["to"], made["verified"]) == ([PHONE], True)
    await stage.handsets.send("+48604000009", SECOND, "Dzień dobry, jest ktoś?")
    await stage.handsets.received(PHONE, "+48604000009: Dzień dobry, jest ktoś?")
    await stage.api.call("DELETE", f"/v1/forwards/{made['id']}")


async def test_three_wrong_codes_and_another_one_is_needed(stage: PanelStage, ann: Visitor) -> None:
    page = f"/panel/numbers/{(await the(stage, '/v1/numbers', number=SECOND))['id']}"
    seen = await ann.send(
        _form(await ann.get(page), kind="number"), f"{page}/forwards", kind="number", phone=OTHERS_PHONE
    )
    right = (await until(lambda: codes(stage, OTHERS_PHONE), "no code came"))[0]
    wrong = f"{(int(right) + 1) % 1_000_000:06}"
    for _ in range(3):
        assert seen.page.all("input", name="code")
        seen = await ann.send(seen, f"{page}/code", code=wrong)
    assert not seen.page.all("input", name="code")
    assert "This code counts no more" in seen.page.text
    late = await ann.post(f"{page}/code", [*seen.form(f"{page}/forwards").posted(), ("code", right)])
    assert late.status == 409
    assert not await listed(stage, "/v1/forwards", number=SECOND, kind="number")
    hasty = await ann.send(seen, f"{page}/forwards")
    assert hasty.status == 429
    assert len(await codes(stage, OTHERS_PHONE)) == 1


async def test_a_fourth_phone_is_too_many(stage: PanelStage, ann: Visitor) -> None:
    page = f"/panel/numbers/{(await the(stage, '/v1/numbers', number=OWN))['id']}"
    assert len(COLLEAGUES) == 3
    seen = await ann.get(page)
    assert "Three phones get texts already" in seen.page.text
    forced = [("kind", "number"), ("phone", "+48603000003"), ("csrf", _csrf(seen)), ("once", "a1")]
    assert (await ann.post(f"{page}/forwards", forced)).status == 429
    assert await codes(stage, "+48603000003") == []


async def test_a_test_really_goes_out(stage: PanelStage, ann: Visitor) -> None:
    number = await the(stage, "/v1/numbers", number=OWN)
    hook = await the(stage, "/v1/forwards", number=OWN, kind="webhook")
    before = len(stage.hooks.hooks)
    done = await ann.send(
        await ann.get(f"/panel/numbers/{number['id']}"), f"/panel/forwards/{hook['id']}/test"
    )
    assert "The test has arrived" in done.page.text, done.page.text[:600]
    assert len(stage.hooks.hooks) == before + 1


async def test_a_test_goes_to_mailboxes_phones_and_numbers_too(stage: PanelStage, ann: Visitor) -> None:
    text = "This is a test: texts that come in will arrive here."
    mail = await the(stage, "/v1/forwards", number=OWN, kind="mail")
    done = await ann.send(
        await ann.get(f"/panel/forwards/{mail['id']}"), f"/panel/forwards/{mail['id']}/test"
    )
    assert "The test has arrived" in done.page.text, done.page.text[:600]
    await stage.mail.mails.first(lambda one: text in one.message.get_body().get_content(), within=10)
    numbers = await the(stage, "/v1/forwards", number=OWN, kind="number")
    page = f"/panel/forwards/{numbers['id']}"
    await ann.send(await ann.get(page), f"{page}/test")
    for colleague in COLLEAGUES:
        await stage.handsets.received(colleague, f"TEST: {text}")
    phones = await the(stage, "/v1/forwards", number=OWN, kind="sip")
    page = f"/panel/forwards/{phones['id']}"
    nobody = await ann.send(await ann.get(page), f"{page}/test")
    assert "The test did not arrive: no phone is registered." in nobody.page.text


# --- two people ---------------------------------------------------------------------------------------------


async def test_the_second_of_two_is_told_who_was_faster_and_keeps_the_input(stage: PanelStage) -> None:
    ann, anna = await stage.visitor("admin", "en"), await stage.visitor("admin", "pl")
    account = await the(stage, "/v1/sip-accounts", user="104")
    page = f"/panel/phones/{account['id']}"
    mine, hers = await ann.get(page), await anna.get(page)
    first = await anna.send(hers, page, sender="name:ACME")
    assert first.status == 200
    second = await ann.send(mine, page, fallback_after="5m", fallback_mail="desk@acme.test")
    assert second.status == 409
    assert "admin.pl@acme.test changed this while you were at it" in second.page.text
    (kept,) = second.page.all("input", name="fallback_mail")
    assert kept["value"] == "desk@acme.test"
    shown = await the(stage, "/v1/sip-accounts", user="104")
    assert (shown["identity"], shown["fallback"]) == ({"kind": "name", "value": "ACME"}, None)
    saved = await ann.send(second, page)
    assert saved.status == 200, saved.page.text
    shown = await the(stage, "/v1/sip-accounts", user="104")
    assert shown["fallback"] == {"after": "5m", "mail": "desk@acme.test"}


async def test_what_was_removed_meanwhile_is_not_there(stage: PanelStage, ann: Visitor) -> None:
    _, key, _ = await stage.api.call("POST", "/v1/keys", {"name": "gone"})
    page = f"/panel/keys/{key['id']}"
    seen = await ann.get(page)
    await stage.api.call("DELETE", f"/v1/keys/{key['id']}")
    assert (await ann.send(seen, page)).status == 404


# --- another tenant's ---------------------------------------------------------------------------------------

THEIRS = (
    ("/v1/numbers", "/panel/numbers/{}", ("/forwarding", "/forwards", "/code")),
    ("/v1/forwards", "/panel/forwards/{}", ("", "/switch", "/remove", "/test")),
    ("/v1/sip-accounts", "/panel/phones/{}", ("", "/password", "/remove")),
    ("/v1/mail-senders", "/panel/mail-senders/{}", ("", "/token", "/remove")),
    ("/v1/keys", "/panel/keys/{}", ("", "/switch", "/remove")),
    ("/v1/forwards", "/panel/hooks/{}", ("", "/rotate", "/test", "/replay", "/remove")),
    ("/v1/sender-names", "/panel/names/{}", ("/remove",)),
    ("/v1/blacklist", "/panel/security/{}", ("/remove",)),
)


@pytest.mark.parametrize(("collection", "path", "actions"), THEIRS)
async def test_another_companys_ids_are_not_there(
    stage: PanelStage, ann: Visitor, collection: str, path: str, actions: tuple[str, ...]
) -> None:
    theirs = (await stage.other.get(collection))["data"][0]
    page = path.format(theirs["id"])
    csrf = _csrf(await ann.get("/panel/names"))
    if "" in actions or path.startswith("/panel/numbers"):
        assert (await ann.get(page)).status == 404
    for action in actions:
        fields = [("csrf", csrf), ("phone", PHONE), ("code", "123456"), ("sender", "default:")]
        done = await ann.post(page + action, fields)
        assert done.status == 404, (action, done.page.text[:300])
    assert theirs in (await stage.other.get(collection))["data"]


# --- secrets ------------------------------------------------------------------------------------------------


async def test_a_key_is_shown_once_also_to_who_clicks_twice(stage: PanelStage, ann: Visitor) -> None:
    seen = await ann.get("/panel/keys/new")
    fields = {"name": "shop", "scopes": "messages", "sender": "name:ACME"}
    first, second = await asyncio.gather(*(ann.send(seen, "/panel/keys/new", **fields) for _ in range(2)))
    tokens = {re.search(r"vsk_[a-z0-9]{32}", one.html)[0] for one in (first, second)}  # type: ignore[index]
    assert len(tokens) == 1
    made = await the(stage, "/v1/keys", name="shop")
    assert (made["identity"], made["scopes"]) == ({"kind": "name", "value": "ACME"}, ["messages"])
    (token,) = tokens
    shown = await ann.get(f"/panel/keys/{made['id']}")
    assert token not in shown.html
    assert made["hint"] in shown.html
    off = await ann.send(await ann.get("/panel/keys"), f"/panel/keys/{made['id']}/switch")
    assert "Switched off." in off.page.text
    assert (await the(stage, "/v1/keys", name="shop"))["enabled"] is False
    removed = await ann.send(off, f"/panel/keys/{made['id']}/remove")
    assert "Removed." in removed.page.text
    assert not await listed(stage, "/v1/keys", name="shop")


async def test_a_webhook_shows_its_secret_once_and_changes_it(stage: PanelStage, ann: Visitor) -> None:
    url = stage.hooks.url("/panel")
    made = await ann.send(await ann.get("/panel/hooks/new"), "/panel/hooks/new", url=url)
    secret = _secret(made)
    hook = await the(stage, "/v1/forwards", url=url)
    page = f"/panel/hooks/{hook['id']}"
    seen = await ann.get(page)
    assert secret not in seen.html
    rotated = await ann.send(seen, f"{page}/rotate")
    assert _secret(rotated) != secret
    assert "The test has arrived" in (await ann.send(await ann.get(page), f"{page}/test")).page.text
    sent = await stage.api.post("/v1/messages", {"to": "+48605000001", "text": "Told"})
    told = await until(lambda: _told(ann, page), "it never came about")
    delivery = await ann.get(told)
    assert sent["id"] in delivery.page.text
    again = await ann.send(delivery, f"{told}/replay")
    assert "It is told once more." in again.page.text
    removed = await ann.send(await ann.get(page), f"{page}/remove")
    assert "Removed." in removed.page.text


async def test_a_mail_senders_token_is_shown_once_and_its_use_is_counted(
    stage: PanelStage, ann: Visitor
) -> None:
    sender = await the(stage, "/v1/mail-senders", address=WRITER)
    page = f"/panel/mail-senders/{sender['id']}"
    made = await ann.send(await ann.get(page), f"{page}/token", make="1")
    assert "Copy the token now" in made.page.text
    assert (await the(stage, "/v1/mail-senders", address=WRITER))["token_set"] is True
    seen = await ann.get(page)
    saved = await ann.send(seen, page, day="7", mode="premium")
    assert "Saved." in saved.page.text, saved.page.text[:800]
    changed = await the(stage, "/v1/mail-senders", address=WRITER)
    assert (changed["limits"]["day"], changed["mode"]) == (7, "premium")
    assert "0 / 7" in saved.page.text
    gone = await ann.post(
        f"{page}/token", [("csrf", _csrf(saved)), ("seen", _value(saved, "seen")), ("once", "b2")]
    )
    assert "The token counts no more." in gone.page.text, gone.page.text[:500]
    assert (await the(stage, "/v1/mail-senders", address=WRITER))["token_set"] is False


# --- the rest -----------------------------------------------------------------------------------------------


async def test_a_phone_is_made_by_the_panel_as_by_the_api(stage: PanelStage, ann: Visitor) -> None:
    fields = {"user": "151", "password": "correct horse", "sender": "2way:", "language": "pl"}
    done = await ann.send(await ann.get("/panel/phones/new"), "/panel/phones/new", **fields)
    assert "The account is there" in done.page.text, done.page.text[:800]
    made = await the(stage, "/v1/sip-accounts", user="151")
    await stage.api.call("DELETE", f"/v1/sip-accounts/{made['id']}")
    body = {"user": "151", "password": "correct horse", "identity": {"kind": "2way"}, "language": "pl"}
    _, same, _ = await stage.api.call("POST", "/v1/sip-accounts", body)
    assert _without_chance(same) == _without_chance(made)
    page = f"/panel/phones/{same['id']}"
    seen = await ann.get(page)
    assert "No phone is registered" in seen.page.text
    changed = await ann.send(seen, f"{page}/password", password="another horse")
    assert "The password is changed" in changed.page.text
    removed = await ann.send(await ann.get(page), f"{page}/remove")
    assert "Removed." in removed.page.text
    assert not await listed(stage, "/v1/sip-accounts", user="151")


async def test_who_is_not_let_makes_no_addresses(stage: PanelStage, ann: Visitor) -> None:
    seen = await ann.get("/panel/phones/new")
    document = stage.customer()
    document["tenants"][0]["self_service"] = False
    await stage.apply(document)
    try:
        await until(lambda: _without_link(ann, "/panel/phones", "/panel/phones/new"), "it may still")
        fields = {"user": "152", "password": "correct horse"}
        refused = await ann.send(seen, "/panel/phones/new", **fields)
        assert refused.status == 403
        assert "The operator looks after the addresses of your company" in refused.page.text
    finally:
        await stage.apply(stage.customer())

        async def again() -> bool:
            return not await _without_link(ann, "/panel/phones", "/panel/phones/new")

        await until(again, "it may not again")


async def test_a_name_is_applied_for_and_waits(stage: PanelStage, ann: Visitor) -> None:
    short = await ann.send(await ann.get("/panel/names"), "/panel/names", name="Ż")
    assert short.status == 422
    assert "3 to 11 letters" in short.page.text
    done = await ann.send(short, "/panel/names", name="Firma")
    assert "The operator looks at the name." in done.page.text
    made = await the(stage, "/v1/sender-names", name="Firma")
    assert made["status"] == "pending"
    removed = await ann.send(done, f"/panel/names/{made['id']}/remove")
    assert "Removed." in removed.page.text


async def test_what_was_blocked_is_listed_with_the_reason(stage: PanelStage, ann: Visitor) -> None:
    page = "/panel/security"
    done = await ann.send(await ann.get(page), page, value="604 000 077", match="exact")
    assert "Texts from there are blocked" in done.page.text
    rule = await the(stage, "/v1/blacklist", value="+48604000077")
    await stage.handsets.send("+48604000077", OWN, "Wygrałeś telefon")
    shown = await until(
        lambda: _with(ann, "/panel/security/blocked", "Wygrałeś telefon"), "it never came about"
    )
    assert "On the blacklist: the number +48604000077" in shown.page.text
    removed = await ann.send(await ann.get(page), f"{page}/{rule['id']}/remove")
    assert "come through again" in removed.page.text
    off = await ann.send(removed, f"{page}/inbound")
    assert "All texts that come in are blocked." in off.page.text
    await stage.handsets.send("+48604000077", OWN, "Halo")
    await until(lambda: _with(ann, "/panel/security/blocked", "Halo"), "it never came about")
    on = await ann.send(await ann.get(page), f"{page}/inbound")
    assert "Texts come in again." in on.page.text


async def test_a_sender_that_is_no_number_of_any_country_is_blocked_with_one_click(
    stage: PanelStage, ann: Visitor
) -> None:
    await stage.handsets.send("+999123456789", OWN, "Made up")

    async def listed_there() -> str:
        links = (await ann.get("/panel/conversations")).page.all("a")
        return next((one["href"] for one in links if "999123456789" in one["href"]), "")

    path = await until(listed_there, "it did not come in")
    done = await ann.send(await ann.get(path), f"{path}/block")
    assert "Blocked" in done.page.text, done.page.text[:600]
    rules = await listed(stage, "/v1/blacklist", match="name")
    assert [one["value"].lstrip("+") for one in rules] == ["999123456789"]
    await stage.handsets.send("+999123456789", OWN, "Made up again")
    await until(lambda: _with(ann, "/panel/security/blocked", "Made up again"), "it was not blocked")
    await stage.api.call("DELETE", f"/v1/blacklist/{rules[0]['id']}")


async def test_groups_keywords_and_the_companys_own_are_kept(stage: PanelStage, ann: Visitor) -> None:
    fields = {"name": "staff", "numbers": "601 123 456, +48601123457\n601123456"}
    done = await ann.send(await ann.get("/panel/groups/new"), "/panel/groups/new", **fields)
    assert "Saved." in done.page.text, done.page.text[:600]
    group = await the(stage, "/v1/groups", name="staff")
    assert group["numbers"] == ["+48601123456", "+48601123457"]
    page = f"/panel/groups/{group['id']}"
    wrong = await ann.send(await ann.get(page), page, numbers="22 123 45 67")
    assert (wrong.status, "A landline takes no SMS" in wrong.page.text) == (422, True)
    assert "Removed." in (await ann.send(wrong, f"{page}/remove")).page.text
    reserved = await ann.send(
        await ann.get("/panel/keywords"), "/panel/keywords", number=OWN, word="Stop", mail="a@acme.test"
    )
    assert "This word means the same everywhere" in reserved.page.text
    added = await ann.send(reserved, "/panel/keywords", word="Alarm")
    word = await the(stage, "/v1/keywords", word="Alarm")
    assert (word["number"], word["mail"]) == (OWN, "a@acme.test")
    assert "Removed." in (await ann.send(added, f"/panel/keywords/{word['id']}/remove")).page.text
    company = await ann.get("/panel/company")
    zone = await ann.send(company, "/panel/company", timezone="Europe/Warsaw", transliterate="ask")
    assert "Saved." in zone.page.text, zone.page.text[:600]
    shown = await stage.api.get("/v1/company")
    assert (shown["timezone"], shown["transliterate"], shown["keep_sent_text"]) == (
        "Europe/Warsaw",
        "ask",
        True,
    )


# --- helpers ------------------------------------------------------------------------------------------------


def _form(seen: Seen, **fields: str) -> Seen:
    """The page with only the form that has these fields: several lead to one place."""
    form = seen.form("", **fields)
    return Seen(seen.status, seen.path, seen.headers, seen.html, type(seen.page)("body", {}, [form]))


def _csrf(seen: Seen) -> str:
    return _value(seen, "csrf")


def _value(seen: Seen, name: str) -> str:
    return seen.page.all("input", name=name)[0]["value"]


def _without_chance(shown: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in shown.items() if name not in ("id", "created_at")}


def _secret(seen: Seen) -> str:
    found = re.search(r"whsec_[A-Za-z0-9+/=]{32,}", seen.page.text)
    assert found is not None, seen.page.text[:600]
    return found[0]


async def _told(visitor: Visitor, page: str) -> str:
    links = (await visitor.get(page)).page.all("a")
    return next((one["href"] for one in links if one["href"].startswith("/panel/deliveries/")), "")


async def _with(visitor: Visitor, path: str, text: str) -> Seen | None:
    seen = await visitor.get(path)
    return seen if text in seen.page.text else None


async def _without_link(visitor: Visitor, path: str, href: str) -> bool:
    return not (await visitor.get(path)).page.all("a", href=href)
