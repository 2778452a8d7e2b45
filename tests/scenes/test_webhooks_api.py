"""Webhooks over `/v1`: what was told and what failed, telling it again, new secrets, test events."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from standardwebhooks import Webhook
from structlog.testing import capture_logs

from support.api import Client, Site, site_over
from support.fakes import FakeClock
from support.office import ACME_KEY, OTHER_KEY, Office
from support.waiting import eventually
from voip_sms.core import ids, retry
from voip_sms.core.clock import DAY, HOUR, SECOND, to_rfc3339
from voip_sms.core.model import InboundPart
from voip_sms.demo.hook_sink import Answer, HookSink
from voip_sms.engine import webhooks
from voip_sms.engine.chores.secrets import Secrets
from voip_sms.engine.forwarding import Forwarding
from voip_sms.engine.receive import Receiver
from voip_sms.engine.signals import Signals
from voip_sms.forwards.webhook import WebhookForwarder

OWN = "+48601000001"


class Desk:
    """A customer whose number has a webhook, with hand-overs running."""

    def __init__(self, office: Office, site: Site, clock: FakeClock, sink: HookSink) -> None:
        self.office, self.clock, self.sink = office, clock, sink
        self.acme, self.other = site.client(ACME_KEY), site.client(OTHER_KEY)
        self.signals = Signals()
        self.forwarder = WebhookForwarder(office.guarded, clock)
        self.forwarding = Forwarding(office.context, self.signals, {"webhook": self.forwarder})
        self._receiver = Receiver(office.context, "PL")
        self._count = 0

    async def hook(self, path: str = "/hook", client: Client | None = None, **body: Any) -> dict[str, Any]:
        given = {"kind": "webhook", "number": OWN, "url": self.sink.url(path), **body}
        made = await (client or self.acme).call("POST", "/v1/forwards", given)
        assert made.status == 201, made.text
        return made.json

    async def text(self, *texts: str, to: str = OWN) -> None:
        for text in texts:
            self._count += 1
            part = InboundPart("+48777000001", to, text, "gsm7", self._count.to_bytes(32))
            await self._receiver.receive("sim", part)

    async def listed(self, query: str = "") -> list[dict[str, Any]]:
        answer = await self.acme.call("GET", f"/v1/webhooks/deliveries{query}")
        assert answer.status == 200, answer.text
        return answer.json["data"]

    async def shown(self, delivery: str) -> dict[str, Any]:
        answer = await self.acme.call("GET", f"/v1/webhooks/deliveries/{delivery}")
        assert answer.status == 200, answer.text
        return answer.json

    async def reached(self, test: Callable[[dict[str, Any]], bool], count: int = 1) -> list[dict[str, Any]]:
        """Wait until so many hand-overs are as wanted."""
        found: list[dict[str, Any]] = []

        async def there() -> bool:
            self.signals.wake(("forwards",))
            found[:] = [one for one in await self.listed() if test(one)]
            return len(found) == count

        await eventually(there, "not so many hand-overs")
        return found

    async def in_state(self, state: str, count: int = 1) -> list[dict[str, Any]]:
        return await self.reached(lambda one: one["state"] == state, count)

    async def refused_to_the_end(self, *texts: str, hand_overs: int = 0) -> list[dict[str, Any]]:
        """Texts whose webhook fails until nobody tries any more."""
        count = hand_overs or len(texts)
        self.sink.usual = Answer(500)
        await self.text(*texts)
        for tries, wait in enumerate(retry.WEBHOOK.waits, 1):
            await self.reached(
                lambda one, tries=tries: (one["tries"], one["state"]) == (tries, "queued"), count
            )
            self.clock.moment += round(wait * 1.11)
        failed = await self.in_state("failed", count)
        self.sink.usual = Answer(200)
        return failed


@pytest.fixture
async def desk(database_url: str, clock: FakeClock, hook_sink: HookSink) -> AsyncIterator[Desk]:
    office = await Office.open(database_url, clock)
    async with site_over(office.rooms()) as site:
        made = Desk(office, site, clock, hook_sink)
        await made.forwarding.start()
        yield made
        await made.forwarding.stop(1)
    await office.close()


# --- what was told ------------------------------------------------------------------------------------------


async def test_each_hand_over_with_its_attempts(desk: Desk) -> None:
    hook = await desk.hook()
    desk.sink.answer_next(503)
    await desk.text("Cześć")
    [waiting] = await desk.reached(lambda one: one["tries"] == 1 and one["state"] == "queued")
    assert waiting["cause"] == "503"
    assert waiting["next_try_at"] > to_rfc3339(desk.clock.now())
    desk.clock.advance(6)
    [done] = await desk.in_state("done")
    shown = await desk.shown(done["id"])
    attempts = shown.pop("attempts")
    assert shown == done
    assert (done["event"], done["url"], done["forward"]) == ("message.received", desk.sink.url(), hook["id"])
    assert (done["tries"], done["cause"], done["next_try_at"]) == (2, "", None)
    assert [(one["no"], one["outcome"], one["cause"]) for one in attempts] == [
        (1, "temporary", "503"),
        (2, "accepted", ""),
    ]
    assert attempts[0]["at"] < attempts[1]["at"]
    received = (await desk.acme.call("GET", "/v1/messages?direction=inbound")).json["data"]
    assert [one["id"] for one in received] == [done["message"]]
    assert [hook.headers["webhook-id"] for hook in desk.sink.hooks.items] == [done["id"]] * 2


async def test_lists_are_narrowed_and_paged(desk: Desk) -> None:
    first, second = await desk.hook("/one"), await desk.hook("/two")
    desk.sink.answer_next(200, 500, 200, 200)
    await desk.text("a", "b")
    await desk.in_state("done", 3)
    assert [one["state"] for one in await desk.listed("?state=queued")] == ["queued"]
    assert await desk.listed("?state=failed") == []
    of_first = await desk.listed(f"?forward={first['id']}")
    of_second = await desk.listed(f"?forward={second['id']}")
    assert {one["url"] for one in of_first} == {desk.sink.url("/one")}
    assert len(of_first) == len(of_second) == 2
    everything = await desk.listed()
    assert [one["id"] for one in everything] == sorted((one["id"] for one in everything), reverse=True)
    paged: list[dict[str, Any]] = []
    cursor, more = "", True
    while more:
        page = (await desk.acme.call("GET", f"/v1/webhooks/deliveries?limit=3{cursor}")).json
        paged += page["data"]
        more, cursor = page["has_more"], f"&starting_after={page['data'][-1]['id']}"
    assert paged == everything


@pytest.mark.parametrize(
    "query", ["?state=expired", "?state=failed&state=done", "?forward=msg_x", "?limit=0", "?kind=sip"]
)
async def test_a_wrong_question_is_told(desk: Desk, query: str) -> None:
    answer = await desk.acme.call("GET", f"/v1/webhooks/deliveries{query}")
    assert (answer.status, answer.code) == (422, "invalid")


async def test_only_webhooks_are_shown(desk: Desk) -> None:
    await desk.text("to a phone and a number")
    assert await desk.listed() == []
    [job, *_] = await desk.office.reader.run(
        lambda connection: connection.exec_driver_sql("SELECT id FROM forward_job").scalars().all()
    )
    phones = ids.to_text("evt", bytes(job))
    for method, path in (("GET", phones), ("POST", f"{phones}/replay")):
        answer = await desk.acme.call(method, f"/v1/webhooks/deliveries/{path}")
        assert (answer.status, answer.code) == (404, "not_found")


async def test_another_customer_sees_and_replays_none_of_it(desk: Desk) -> None:
    hook = await desk.hook()
    [failed] = await desk.refused_to_the_end("secret words")
    path = f"/v1/webhooks/deliveries/{failed['id']}"
    calls: list[tuple[str, str, object]] = [
        ("GET", path, None),
        ("POST", f"{path}/replay", None),
        ("POST", f"/v1/forwards/{hook['id']}/rotate-secret", None),
        ("POST", f"/v1/forwards/{hook['id']}/test", None),
        ("POST", "/v1/webhooks/replay", {"forward": hook["id"]}),
    ]
    for method, where, body in calls:
        answer = await desk.other.call(method, where, body)
        assert (answer.status, answer.code) == (404, "not_found"), where
    assert (await desk.other.call("GET", "/v1/webhooks/deliveries")).json["data"] == []
    assert (await desk.other.call("POST", "/v1/webhooks/replay", {})).json["replayed"] == 0
    assert (await desk.listed())[0]["state"] == "failed"


# --- telling it again ---------------------------------------------------------------------------------------


async def test_a_failed_one_is_told_again_with_its_id_and_a_fresh_schedule(desk: Desk) -> None:
    hook = await desk.hook()
    [failed] = await desk.refused_to_the_end("hello")
    assert (failed["tries"], failed["cause"]) == (10, "500")
    assert [one["id"] for one in await desk.listed("?state=failed")] == [failed["id"]]
    desk.sink.answer_next(502)
    path = f"/v1/webhooks/deliveries/{failed['id']}/replay"
    answer = await desk.acme.call("POST", path)
    assert (answer.status, answer.json["state"], answer.json["id"]) == (202, "queued", failed["id"])
    [waiting] = await desk.reached(lambda one: one["tries"] == 11 and one["state"] == "queued")
    assert waiting["cause"] == "502"  # after the tenth of a schedule it would have been the end
    desk.clock.advance(6)
    [done] = await desk.in_state("done")
    assert done["tries"] == 12
    hooks = desk.sink.hooks.items
    assert {one.headers["webhook-id"] for one in hooks} == {failed["id"]}
    assert hooks[0].body == hooks[-1].body
    assert verified(hook["secret"], hooks[-1])
    assert len((await desk.shown(failed["id"]))["attempts"]) == 12


async def test_one_that_was_told_can_be_told_again(desk: Desk) -> None:
    await desk.hook()
    await desk.text("hello")
    [done] = await desk.in_state("done")
    assert (await desk.acme.call("POST", f"/v1/webhooks/deliveries/{done['id']}/replay")).status == 202
    await desk.reached(lambda one: one["tries"] == 2 and one["state"] == "done")
    assert [one.headers["webhook-id"] for one in desk.sink.hooks.items] == [done["id"]] * 2


async def test_replaying_twice_queues_once(desk: Desk) -> None:
    await desk.hook()
    [failed] = await desk.refused_to_the_end("hello")
    path = f"/v1/webhooks/deliveries/{failed['id']}/replay"
    before = len(desk.sink.hooks)
    desk.sink.answer_next(Answer(200, delay=0.3))
    answers = await asyncio.gather(*(desk.acme.call("POST", path) for _ in range(5)))
    assert {one.status for one in answers} == {202}
    await desk.in_state("done")
    assert len(desk.sink.hooks) == before + 1


async def test_all_that_failed_are_told_again_in_order(desk: Desk) -> None:
    await desk.hook()
    await desk.refused_to_the_end("one", "two", "three")
    before = len(desk.sink.hooks)
    answer = await desk.acme.call("POST", "/v1/webhooks/replay", {"state": "failed"})
    assert (answer.status, answer.json) == (202, {"replayed": 3, "has_more": False})
    await desk.in_state("done", 3)
    texts = [one.json["data"]["text"] for one in desk.sink.hooks.items[before:]]
    assert sorted(texts) == ["one", "three", "two"]
    again = await desk.acme.call("POST", "/v1/webhooks/replay", {})
    assert again.json == {"replayed": 0, "has_more": False}


async def test_many_are_bounded_and_go_on(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "CHUNK", 2)
    monkeypatch.setattr(webhooks, "REPLAYED_MOST", 3)
    await desk.hook()
    await desk.refused_to_the_end("a", "b", "c", "d", "e", "f")
    desk.sink.usual = Answer(200, delay=0.05)
    answers = [(await desk.acme.call("POST", "/v1/webhooks/replay", {})).json for _ in range(2)]
    assert answers == [{"replayed": 3, "has_more": True}, {"replayed": 3, "has_more": False}]
    await desk.in_state("done", 6)


async def test_looking_for_those_that_failed_takes_no_turn_of_the_writer(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.hook()
    await desk.text("arrived")
    await desk.in_state("done")
    monkeypatch.delattr(webhooks, "replay_many_unit")
    assert (await desk.acme.call("POST", "/v1/webhooks/replay", {})).json["replayed"] == 0


async def test_many_by_time_and_by_forward(desk: Desk) -> None:
    first, second = await desk.hook("/one"), await desk.hook("/two")
    began = desk.clock.now()
    await desk.refused_to_the_end("early", hand_overs=2)
    since, until = to_rfc3339(began + HOUR), to_rfc3339(began)
    for body in ({"since": since}, {"until": until}, {"since": since, "forward": first["id"]}):
        answer = await desk.acme.call("POST", "/v1/webhooks/replay", body)
        assert answer.json["replayed"] == 0, body
    body = {"since": to_rfc3339(began), "until": since, "forward": second["id"]}
    assert (await desk.acme.call("POST", "/v1/webhooks/replay", body)).json["replayed"] == 1
    [done] = await desk.in_state("done")
    assert done["url"] == desk.sink.url("/two")
    [left] = await desk.listed("?state=failed")
    assert left["url"] == desk.sink.url("/one")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"since": "yesterday"}, "/since"),
        ({"until": 5}, "/until"),
        ({"state": "done"}, "/state"),
        ({"forward": "fwd_x"}, "/forward"),
        ({"limit": 5}, "/limit"),
        ([], ""),
    ],
)
async def test_an_impossible_replay_says_where(desk: Desk, body: object, pointer: str) -> None:
    answer = await desk.acme.call("POST", "/v1/webhooks/replay", body)
    assert (answer.status, answer.code) == (422, "invalid")
    assert answer.json["errors"][0]["pointer"] == pointer


async def test_what_retention_took_is_not_told_again(desk: Desk) -> None:
    await desk.hook()
    [failed] = await desk.refused_to_the_end("gone by now")
    await desk.office.writer.run(
        lambda connection: connection.exec_driver_sql("DELETE FROM message_text").rowcount
    )
    answer = await desk.acme.call("POST", f"/v1/webhooks/deliveries/{failed['id']}/replay")
    assert (answer.status, answer.code) == (409, "too_late")
    assert "no longer kept" in answer.json["detail"]
    many = await desk.acme.call("POST", "/v1/webhooks/replay", {})
    assert many.json == {"replayed": 0, "has_more": False}
    assert (await desk.shown(failed["id"]))["state"] == "failed"


async def test_a_url_that_said_gone_is_switched_on_again_and_told_what_it_missed(desk: Desk) -> None:
    hook = await desk.hook()
    desk.sink.answer_next(410)
    await desk.text("hello")
    [failed] = await desk.in_state("failed")
    assert failed["cause"] == "410"
    path = f"/v1/webhooks/deliveries/{failed['id']}/replay"
    refused = await desk.acme.call("POST", path)
    assert (refused.status, refused.code) == (409, "conflict")
    assert "switch" in refused.json["detail"]
    assert (await desk.acme.call("POST", "/v1/webhooks/replay", {})).json["replayed"] == 0
    [rule] = [one for one in (await desk.acme.call("GET", "/v1/forwards")).json["data"] if one.get("url")]
    assert (rule["enabled"], rule["disabled_reason"]) == (False, "410")
    on = await desk.acme.call("PATCH", f"/v1/forwards/{hook['id']}", {"enabled": True})
    assert (on.json["enabled"], on.json["disabled_reason"]) == (True, "")
    assert (await desk.acme.call("POST", path)).status == 202
    await desk.in_state("done")


async def test_a_forward_that_was_removed_tells_nothing_any_more(desk: Desk) -> None:
    hook = await desk.hook()
    [failed] = await desk.refused_to_the_end("hello")
    assert (await desk.acme.call("DELETE", f"/v1/forwards/{hook['id']}")).status == 204
    answer = await desk.acme.call("POST", f"/v1/webhooks/deliveries/{failed['id']}/replay")
    assert (answer.status, answer.code) == (409, "conflict")


# --- secrets ------------------------------------------------------------------------------------------------


def verified(secret: str, hook: Any) -> bool:
    """Whether one of the signatures is what an independent library would have written."""
    at = datetime.fromtimestamp(int(hook.headers["webhook-timestamp"]), UTC)
    expected = Webhook(secret).sign(hook.headers["webhook-id"], at, hook.body.decode())
    return expected in hook.headers["webhook-signature"].split(" ")


async def told(desk: Desk, text: str) -> Any:
    count = len(desk.sink.hooks)
    await desk.text(text)
    await desk.reached(lambda one: one["state"] == "done", count + 1)
    return desk.sink.hooks.items[-1]


async def test_both_secrets_sign_for_a_day(desk: Desk) -> None:
    hook = await desk.hook()
    answer = await desk.acme.call("POST", f"/v1/forwards/{hook['id']}/rotate-secret")
    assert answer.status == 200, answer.text
    old, new = hook["secret"], answer.json["secret"]
    assert new.startswith("whsec_")
    assert new != old
    assert answer.json["secret_before_until"] == to_rfc3339(desk.clock.now() + DAY)
    seen = await told(desk, "between")
    assert seen.headers["webhook-signature"].count("v1,") == 2
    assert verified(old, seen)
    assert verified(new, seen)
    desk.clock.moment += DAY + SECOND
    after = await told(desk, "after")
    assert after.headers["webhook-signature"].count("v1,") == 1
    assert verified(new, after)
    assert not verified(old, after)


async def test_an_old_secret_is_forgotten_when_it_signs_no_more(desk: Desk) -> None:
    hook = await desk.hook()
    await desk.acme.call("POST", f"/v1/forwards/{hook['id']}/rotate-secret")

    async def kept() -> bool:
        await Secrets().run(desk.office.context)
        rows = await desk.office.reader.run(
            lambda connection: connection.exec_driver_sql("SELECT * FROM forward").mappings().all()
        )
        return hook["secret"] in str([dict(row) for row in rows])

    assert await kept()
    desk.clock.moment += DAY + SECOND
    assert not await kept()
    [rule] = [one for one in (await desk.acme.call("GET", "/v1/forwards")).json["data"] if one.get("url")]
    assert rule.get("secret_before_until") is None


async def test_a_second_rotation_ends_the_first_secret(desk: Desk) -> None:
    hook = await desk.hook()
    path = f"/v1/forwards/{hook['id']}/rotate-secret"
    second = (await desk.acme.call("POST", path)).json["secret"]
    third = (await desk.acme.call("POST", path)).json["secret"]
    seen = await told(desk, "now")
    assert [verified(one, seen) for one in (hook["secret"], second, third)] == [False, True, True]


async def test_secrets_are_shown_once_and_never_logged(desk: Desk) -> None:
    with capture_logs() as logged:
        hook = await desk.hook()
        path = f"/v1/forwards/{hook['id']}"
        new = (await desk.acme.call("POST", f"{path}/rotate-secret")).json["secret"]
        await told(desk, "hello")
        await desk.acme.call("POST", f"{path}/test")
    everything = [
        (await desk.acme.call("GET", "/v1/forwards")).text,
        (await desk.acme.call("GET", "/v1/webhooks/deliveries")).text,
        (await desk.acme.call("PATCH", path, {"enabled": False})).text,
        str(logged),
    ]
    for secret in (hook["secret"], new):
        assert not [text for text in everything if secret.removeprefix("whsec_") in text]


async def test_only_webhooks_have_secrets_and_tests(desk: Desk) -> None:
    rules = (await desk.acme.call("GET", "/v1/forwards")).json["data"]
    phone = next(one for one in rules if one["kind"] == "sip")
    for what in ("rotate-secret", "test"):
        answer = await desk.acme.call("POST", f"/v1/forwards/{phone['id']}/{what}")
        assert (answer.status, answer.code) == (409, "conflict")


# --- test events --------------------------------------------------------------------------------------------


async def test_a_test_event_is_signed_and_leaves_no_trace(desk: Desk) -> None:
    hook = await desk.hook()
    await desk.acme.call("PATCH", f"/v1/forwards/{hook['id']}", {"enabled": False})
    answer = await desk.acme.call("POST", f"/v1/forwards/{hook['id']}/test")
    assert answer.status == 200, answer.text
    [seen] = desk.sink.hooks.items
    assert answer.json == {
        "id": seen.headers["webhook-id"],
        "delivered": True,
        "cause": "200",
        "detail": "",
    }
    assert verified(hook["secret"], seen)
    assert seen.json["type"] == "webhook.test"
    assert seen.json["data"]["to"] == OWN
    assert await desk.listed() == []
    assert (await desk.acme.call("GET", "/v1/messages")).json["data"] == []


@pytest.mark.parametrize(("answer", "cause"), [(404, "404"), (410, "410"), (0, "no_answer")])
async def test_a_test_that_fails_says_why(desk: Desk, answer: int, cause: str) -> None:
    hook = await desk.hook()
    desk.sink.answer_next(answer)
    tested = (await desk.acme.call("POST", f"/v1/forwards/{hook['id']}/test")).json
    assert (tested["delivered"], tested["cause"]) == (False, cause)
    [rule] = [one for one in (await desk.acme.call("GET", "/v1/forwards")).json["data"] if one.get("url")]
    assert rule["enabled"]  # a test changes nothing


async def test_a_test_goes_nowhere_that_a_webhook_may_not(desk: Desk) -> None:
    hook = await desk.hook(url="https://10.0.0.1/metadata")
    tested = (await desk.acme.call("POST", f"/v1/forwards/{hook['id']}/test")).json
    assert (tested["delivered"], tested["cause"]) == (False, "url_forbidden")


async def test_one_test_at_a_time(desk: Desk) -> None:
    hook = await desk.hook()
    desk.sink.answer_next(Answer(200, delay=0.5))
    path = f"/v1/forwards/{hook['id']}/test"
    answers = await asyncio.gather(*(desk.acme.call("POST", path) for _ in range(4)))
    assert sorted(one.status for one in answers) == [200, 429, 429, 429]
    assert len(desk.sink.hooks) == 1
    assert (await desk.acme.call("POST", path)).json["delivered"]
