"""The simulator's page without a browser: what it shows, its forms, and who may not drive it."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from html.parser import HTMLParser
from typing import Any, get_args

import aiohttp
import pytest

from support.smpp_raw import RawSmpp
from support.waiting import eventually
from voip_sms.core.clock import SystemClock
from voip_sms.simulator import Simulator, SimulatorSettings
from voip_sms.simulator.faults import Fault
from voip_sms.simulator.page.switches import ABOUT, KINDS
from voip_sms.simulator.page.view import BUBBLES, CARDS, LINES
from voip_sms.wire import smpp

HANDSET, SERVICE = "48601123456", "48601000001"
HOSTILE = [
    "<script>alert(1)</script>",
    "</p></li></ol><script src=//evil.example></script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</textarea><svg/onload=alert(1)>",
    "{{ 7*7 }}{% raw %}",
    "<!--",
    "&lt;b&gt; &amp; &#60;i&#62;",
    "javascript:alert(1)",
    "\u202eevil\u202c \u0000 \u2028",
    "]]><style>*{display:none}</style>",
]


class Seen(HTMLParser):
    """A page as a browser would take it: its elements in order, what they hold, every attribute."""

    VOID = frozenset({"meta", "link", "img", "input", "br", "hr"})

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.classes: dict[str, list[str]] = {}
        self.inline: list[str] = []
        self._open: list[tuple[str, str]] = []
        self.feed(text)
        assert not self._open, f"left open: {self._open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        given = {name: value or "" for name, value in attrs}
        self.attributes += [(tag, name, value) for name, value in given.items()]
        if tag not in self.VOID:
            self._open.append((tag, given.get("class", "")))
            self.classes.setdefault(given.get("class", "") or given.get("role", ""), []).append("")

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1][0] in ("script", "style"):
            self.inline.append(data)
        for _, name in self._open:
            if name:
                self.classes[name][-1] += data

    def of(self, name: str) -> list[str]:
        """The texts of all elements of this class, white space put together."""
        return [" ".join(one.split()) for one in self.classes.get(name, [])]


class Visitor:
    """Somebody at the page, whose browser sends what browsers send."""

    def __init__(self, session: aiohttp.ClientSession, address: str) -> None:
        self._session = session
        self.origin = f"http://{address}"

    async def get(self, path: str = "/") -> tuple[int, str, Any]:
        async with self._session.get(path) as response:
            return response.status, await response.text(), response.headers

    async def seen(self) -> Seen:
        status, text, _ = await self.get()
        assert status == 200
        return Seen(text)

    async def post(
        self, path: str, form: dict[str, str], headers: dict[str, str] | None = None
    ) -> tuple[int, str, str]:
        """Status, text, and where it leads."""
        given = {"Origin": self.origin, "Sec-Fetch-Site": "same-origin"} if headers is None else headers
        async with self._session.post(path, data=form, headers=given, allow_redirects=False) as response:
            return response.status, await response.text(), response.headers.get("Location", "")

    async def armed(self) -> list[dict[str, Any]]:
        async with self._session.get("/faults") as response:
            return (await response.json())["data"]

    async def revision(self) -> str:
        found = re.search(r'data-revision="([^"]*)"', (await self.get())[1])
        assert found is not None
        return found[1]


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    settings = SimulatorSettings(smpp="127.0.0.1:0", http="127.0.0.1:0", log_size=200, inbox_size=500)
    running = Simulator(settings, SystemClock())
    await running.start()
    yield running
    await running.stop()


@pytest.fixture
async def visitor(simulator: Simulator) -> AsyncIterator[Visitor]:
    async with aiohttp.ClientSession(f"http://{simulator.http_address}") as session:
        yield Visitor(session, str(simulator.http_address))


@pytest.fixture
async def peer(simulator: Simulator) -> AsyncIterator[RawSmpp]:
    made = RawSmpp(str(simulator.smpp_address))
    await made.bind()
    yield made
    await made.close()


# --- what it shows ------------------------------------------------------------------------------------------


async def test_an_empty_page_says_what_to_do(visitor: Visitor) -> None:
    seen = await visitor.seen()
    [hint] = seen.of("empty")
    assert "add one" in hint
    assert seen.of("phone") == []
    assert "0 binds" in seen.of("pills")[0]


async def test_a_handset_shows_who_what_when_and_how(visitor: Visitor, peer: RawSmpp) -> None:
    await peer.submit(HANDSET, b"Hello")
    text = "Cześć 🦊".encode("utf-16-be")
    await peer.submit(HANDSET, text, data_coding=8, source=smpp.Address.international(SERVICE))
    seen = await visitor.seen()
    [phone] = seen.of("phone")
    assert phone.startswith(f"+{HANDSET}")
    assert seen.of("got")[0].startswith("ACME Hello ")
    assert seen.of("who") == ["ACME", f"+{SERVICE}"]
    assert seen.of("text") == ["Hello", "Cześć 🦊"]
    first, second = seen.of("meta")
    assert re.fullmatch(r"\d\d:\d\d · 1 part · GSM-7", first)
    assert second.endswith("· 1 part · UCS-2")
    assert ("input", "value", f"+{SERVICE}") in seen.attributes  # whom an answer goes to
    assert "1 bind" in seen.of("pills")[0]


async def test_a_name_is_not_suggested_for_an_answer(visitor: Visitor, peer: RawSmpp) -> None:
    await peer.submit(HANDSET, b"Hello")
    seen = await visitor.seen()
    assert ("input", "value", "ACME") not in seen.attributes


async def test_connections_and_pdus_are_shown(visitor: Visitor, peer: RawSmpp) -> None:
    await peer.submit(HANDSET, b"Hello")
    await peer.deliver()
    await peer.settled()
    seen = await visitor.seen()
    assert "#1 transceiver 127.0.0.1:" in seen.of("connections")[0]
    rows = seen.of("in") + seen.of("out")
    assert any("submit_sm" in row and f"ACME → {HANDSET}" in row for row in rows)
    assert any("deliver_sm" in row and "receipt: " in row for row in rows)
    assert not [row for row in rows if "sim sim" in row]  # the bind's password is nowhere


async def test_a_refused_pdu_stands_out(visitor: Visitor, peer: RawSmpp) -> None:
    await visitor.post("/page/faults", {"fault": "reject", "command_status": "RTHROTTLED", "do": "on"})
    await peer.submit(HANDSET)
    [bad] = (await visitor.seen()).of("out bad")
    assert "submit_sm_resp" in bad
    assert "RTHROTTLED" in bad


async def test_the_page_stays_small_whatever_there_is(visitor: Visitor, peer: RawSmpp) -> None:
    for number in range(CARDS + 3):
        await peer.submit(f"4860200{number:04}")
    for number in range(BUBBLES + 5):
        await peer.submit(HANDSET, b"%d" % number)
    seen = await visitor.seen()
    assert len(seen.of("phone")) == CARDS
    assert seen.of("more") == ["4 more handsets have messages: add a number to see it."]
    [mine] = [text for text in seen.of("phone") if text.startswith(f"+{HANDSET}")]
    assert mine.count("GSM-7") == BUBBLES
    assert f"ACME {BUBBLES + 4} " in mine
    assert len(seen.of("in") + seen.of("out")) == LINES
    await visitor.post("/page/handsets", {"number": "+48602000000"})
    assert [text for text in (await visitor.seen()).of("phone") if text.startswith("+48602000000")]


async def test_its_script_is_told_only_of_what_changed(visitor: Visitor, peer: RawSmpp) -> None:
    changes: list[Callable[[], Any]] = [
        lambda: peer.submit(HANDSET),
        lambda: visitor.post("/page/faults", {"fault": "latency", "ms": "5", "do": "on"}),
        lambda: visitor.post("/page/send", {"from": HANDSET, "to": SERVICE, "text": "x"}),
        peer.close,
    ]
    for change in changes:
        before = await visitor.revision()
        assert (await visitor.get(f"/page/live?after={before}"))[0] == 204
        await change()

        async def moved(before: str = before) -> bool:
            return (await visitor.get(f"/page/live?after={before}"))[0] == 200

        await eventually(moved)


# --- forms --------------------------------------------------------------------------------------------------


async def test_an_answer_leaves_from_the_handset(visitor: Visitor, peer: RawSmpp) -> None:
    await peer.submit(HANDSET)
    await peer.deliver()  # the receipt
    form = {"from": HANDSET, "to": "+48 601 000 001", "text": "Tak\r\nchętnie 👍"}
    assert (await visitor.post("/page/send", form))[::2] == (303, f"/#handset-{HANDSET}")
    pdu = await peer.deliver()
    assert (pdu.source.value, pdu.dest.value) == (HANDSET, SERVICE)
    assert pdu.short_message.decode("utf-16-be") == "Tak\nchętnie 👍"
    seen = await visitor.seen()
    assert seen.of("own")[0].startswith(f"to +{SERVICE} Tak chętnie 👍")
    assert seen.of("meta")[-1].endswith("1 part · UCS-2")


async def test_what_a_program_sends_is_shown_too(visitor: Visitor, peer: RawSmpp) -> None:
    async with visitor._session.post(
        f"/handsets/{HANDSET}/send", json={"to": SERVICE, "text": "0123456789" * 20}
    ) as response:
        assert response.status == 202
    seen = await visitor.seen()
    assert seen.of("meta")[0].endswith("2 parts · GSM-7")


async def test_a_handset_is_added_and_hidden(visitor: Visitor) -> None:
    assert await visitor.post("/page/handsets", {"number": "+48 512-345-678"}) == (
        303,
        "",
        "/#handset-48512345678",
    )
    await visitor.post("/page/handsets", {"number": "48512345678"})
    [phone] = (await visitor.seen()).of("phone")
    assert phone.startswith("+48512345678")
    assert "nothing yet" in phone
    await visitor.post("/page/handsets/remove", {"number": "48512345678"})
    assert (await visitor.seen()).of("phone") == []


async def test_handsets_that_are_added_make_room(visitor: Visitor) -> None:
    for number in range(CARDS + 5):
        await visitor.post("/page/handsets", {"number": f"4851000{number:04}"})
    phones = (await visitor.seen()).of("phone")
    assert len(phones) == CARDS
    assert phones[-1].startswith(f"+4851000{CARDS + 4:04}")


@pytest.mark.parametrize(
    ("path", "form", "complaint"),
    [
        ("/page/handsets", {"number": "nobody"}, "Number: 2 to 20 digits, with or without +."),
        ("/page/handsets", {}, "Number: 2 to 20 digits"),
        ("/page/send", {"from": HANDSET, "to": "ACME", "text": "x"}, "Number: 2 to 20 digits"),
        ("/page/send", {"from": "../x", "to": SERVICE, "text": "x"}, "Number: 2 to 20 digits"),
        ("/page/send", {"from": HANDSET, "to": SERVICE, "text": ""}, "no text"),
        (
            "/page/send",
            {"from": HANDSET, "to": SERVICE, "text": "ą" * 20_000},
            "the text takes 299 parts, 255 are allowed.",
        ),
        ("/page/faults", {"fault": "gremlins", "do": "on"}, "there is no such fault"),
        ("/page/faults", {"do": "on"}, "there is no such fault"),
        ("/page/faults", {"fault": "latency", "ms": "soon", "do": "on"}, "Time: a whole number."),
        ("/page/faults", {"fault": "garbage", "count": "0", "do": "on"}, "How many times: 1 or more."),
    ],
)
async def test_a_wrong_form_says_why_and_changes_nothing(
    visitor: Visitor, path: str, form: dict[str, str], complaint: str
) -> None:
    status, text, _ = await visitor.post(path, form)
    assert status == 422
    [error] = Seen(text).of("error")
    assert complaint in error
    assert await visitor.armed() == []
    assert (await visitor.seen()).of("phone") == []


async def test_what_was_typed_is_not_lost(visitor: Visitor, peer: RawSmpp) -> None:
    await peer.submit(HANDSET)
    form = {"from": HANDSET, "to": "wrong", "text": "A long & careful <answer>"}
    _, text, _ = await visitor.post("/page/send", form)
    seen = Seen(text)
    assert "A long & careful <answer>" in seen.of("words")[0]
    assert ("input", "value", "wrong") in seen.attributes


async def test_every_fault_has_its_switch() -> None:
    of_the_api = {get_args(kind.model_fields["fault"].annotation)[0] for kind in get_args(get_args(Fault)[0])}
    assert of_the_api == KINDS


@pytest.mark.parametrize("about", ABOUT, ids=lambda about: about.kind)
async def test_each_switch_goes_on_and_off(visitor: Visitor, about: Any) -> None:
    form = {"fault": about.kind, "count": "", "to": "", "do": "on"}
    form |= {field.name: field.value for field in about.fields}
    assert (await visitor.post("/page/faults", form))[::2] == (303, f"/#fault-{about.kind}")
    [armed] = await visitor.armed()
    assert (armed["fault"], armed["left"], armed["to"]) == (about.kind, None, None)
    seen = await visitor.seen()
    assert [value for _, name, value in seen.attributes if name == "aria-checked"].count("true") == 1
    assert "until switched off" in " ".join(seen.of("armed"))
    assert "1 fault" in seen.of("pills")[0]
    await visitor.post("/page/faults", {"fault": about.kind, "do": "off"})
    assert await visitor.armed() == []


async def test_a_fault_for_some_times_and_somebody(visitor: Visitor, peer: RawSmpp) -> None:
    form = {"fault": "reject", "command_status": "RMSGQFUL", "count": "2", "to": f"+{HANDSET}", "do": "on"}
    await visitor.post("/page/faults", form)
    await visitor.post("/page/faults", {"fault": "reject", "do": "on"})
    assert f"2 more times · for +{HANDSET} · RMSGQFUL" in " ".join((await visitor.seen()).of("armed"))
    assert (await peer.submit(HANDSET)).status == 0x14
    assert f"once more · for +{HANDSET} · RMSGQFUL" in " ".join((await visitor.seen()).of("armed"))
    first, second = await visitor.armed()
    await visitor.post("/page/faults/remove", {"id": first["id"]})
    assert [one["id"] for one in await visitor.armed()] == [second["id"]]


# --- who may not drive it -----------------------------------------------------------------------------------

FOREIGN = [
    {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
    {"Origin": "http://127.0.0.1:1", "Sec-Fetch-Site": "same-site"},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Sec-Fetch-Site": "cross-site"},
    # A name of a stranger's that leads here (DNS rebinding): everything looks like the same origin.
    {
        "Host": "rebound.example:8090",
        "Origin": "http://rebound.example:8090",
        "Sec-Fetch-Site": "same-origin",
    },
]


@pytest.mark.parametrize("headers", FOREIGN)
async def test_a_page_elsewhere_changes_nothing(visitor: Visitor, headers: dict[str, str]) -> None:
    forms = [
        ("/page/faults", {"fault": "offline", "do": "on"}),
        ("/page/handsets", {"number": HANDSET}),
        ("/page/send", {"from": HANDSET, "to": SERVICE, "text": "x"}),
    ]
    for path, form in forms:
        assert (await visitor.post(path, form, headers))[0] == 403
    for method, path, body in (
        ("POST", "/faults", '{"fault": "offline"}'),
        ("POST", f"/handsets/{HANDSET}/send", '{"to": "48601000001", "text": "x"}'),
        ("DELETE", "/faults", ""),
    ):
        # text/plain goes across sites without asking.
        given = {**headers, "Content-Type": "text/plain"}
        async with visitor._session.request(method, path, data=body, headers=given) as response:
            assert response.status == 403
            assert (await response.json())["code"] == "forbidden"
    assert await visitor.armed() == []
    assert (await visitor.seen()).of("phone") == []


async def test_forms_are_for_browsers_and_the_api_for_programs(visitor: Visitor) -> None:
    assert (await visitor.post("/page/handsets", {"number": HANDSET}, {}))[0] == 403
    async with visitor._session.post("/faults", data='{"fault": "no_receipt"}') as response:
        assert response.status == 200


@pytest.mark.parametrize("host", ["localhost:8090", "[::1]:8090", "smsc:8090", "sim.test"])
async def test_names_that_nobody_can_register_are_ours(visitor: Visitor, host: str) -> None:
    headers = {"Host": host, "Origin": f"http://{host}", "Sec-Fetch-Site": "same-origin"}
    assert (await visitor.post("/page/handsets", {"number": HANDSET}, headers))[0] == 303


async def test_an_old_browser_says_only_its_origin(visitor: Visitor) -> None:
    assert (await visitor.post("/page/handsets", {"number": HANDSET}, {"Origin": visitor.origin}))[0] == 303


async def test_nothing_changes_by_looking(visitor: Visitor) -> None:
    for path in ("/page/send", "/page/faults", "/page/handsets", "/page/faults/remove"):
        assert (await visitor.get(path))[0] in (404, 405)


# --- what somebody texted is text ---------------------------------------------------------------------------


async def test_no_script_or_style_stands_in_the_page(visitor: Visitor, peer: RawSmpp) -> None:
    await peer.submit(HANDSET)
    await visitor.post("/page/faults", {"fault": "latency", "ms": "1", "do": "on"})
    for path in ("/", "/page/live"):
        _, text, headers = await visitor.get(path)
        seen = Seen(text)
        assert "".join(seen.inline).strip() == ""
        assert "style" not in seen.tags
        assert not [one for one in seen.attributes if one[1].startswith("on") or one[1] == "style"]
        policy = headers["Content-Security-Policy"]
        assert "unsafe" not in policy
        assert {"default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"} <= {
            part.strip() for part in policy.split(";")
        }
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"
        used = {value for _, name, value in seen.attributes if name in ("src", "href")}
        assert {value for value in used if not value.startswith("/")} == set()


@pytest.mark.parametrize("name", ["simulator.css", "simulator.js", "icon.svg"])
async def test_its_files_come_as_what_they_are(visitor: Visitor, name: str) -> None:
    status, text, headers = await visitor.get(f"/page/{name}")
    assert status == 200
    assert text
    assert headers["Content-Type"].partition(";")[0] in ("text/css", "text/javascript", "image/svg+xml")
    assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("hostile", HOSTILE)
async def test_texts_senders_and_typed_words_are_data(visitor: Visitor, peer: RawSmpp, hostile: str) -> None:
    """The page has the same elements and attributes as with plain words, and shows what came."""
    shapes = []
    for words in ("plain", hostile):
        await peer.submit(
            HANDSET,
            words.encode("utf-16-be"),
            data_coding=8,
            source=smpp.Address.alphanumeric(words.encode("ascii", "ignore").decode().replace("\0", "")[:11]),
        )
        await visitor.post("/page/send", {"from": HANDSET, "to": SERVICE, "text": words})
        _, wrong, _ = await visitor.post("/page/send", {"from": HANDSET, "to": words, "text": words})
        _, fault, _ = await visitor.post(
            "/page/faults", {"fault": "latency", "ms": words, "to": words, "count": words, "do": "on"}
        )
        seen, answered, switched = await visitor.seen(), Seen(wrong), Seen(fault)
        got = [text for text in seen.of("text") if words.split() == text.split()]
        assert len(got) == 2, (words, seen.of("text"))
        shapes.append(
            [
                [one.tags.count(tag) for tag in ("script", "img", "svg", "style", "a")]
                + [sorted({name for _, name, _ in one.attributes})]
                for one in (seen, answered, switched)
            ]
        )
    assert shapes[0] == shapes[1]


async def test_a_handset_whose_name_is_markup(visitor: Visitor) -> None:
    async with visitor._session.post(
        "/handsets/%3Cb%3Ex%22%3E/send", json={"to": SERVICE, "text": "hi"}
    ) as response:
        assert response.status in (202, 422)
    seen = await visitor.seen()
    assert "b" not in seen.tags


async def test_many_lookers_at_once(visitor: Visitor, peer: RawSmpp) -> None:
    for number in range(CARDS):
        await peer.submit(f"4860200{number:04}", b"x" * 100)
    pages = await asyncio.gather(*(visitor.get() for _ in range(20)))
    assert {status for status, _, _ in pages} == {200}
