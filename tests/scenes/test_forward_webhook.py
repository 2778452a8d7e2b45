"""Webhooks: signed as the standard says, once per event, never to a place that is not the customer's."""

import asyncio
import json
import socket
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from support.fakes import START, FakeClock
from support.sip_engine import message
from support.tcp import tcp_server
from voip_sms.core.clock import SystemClock
from voip_sms.core.failures import Accepted, Outcome, Permanent, Temporary, Uncertain
from voip_sms.core.model import ForwardJob
from voip_sms.core.resources import message_resource
from voip_sms.demo.hook_sink import Answer, HookSink
from voip_sms.forwards.webhook import WebhookForwarder, get_url
from voip_sms.net.http import guarded
from voip_sms.net.http.guarded import GuardedClient, UnreachableError, UrlForbiddenError
from voip_sms.net.http.public import is_public, read_address

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
LOOPBACK = ("http://127.0.0.0/8",)


def job(url: str, **changes: Any) -> ForwardJob:
    made = ForwardJob(
        b"j" * 16, b"T" * 16, "webhook", url, "message.received", message(), 1, START, secret=SECRET
    )
    return replace(made, **changes)


def forwarder(**options: Any) -> WebhookForwarder:
    return WebhookForwarder(GuardedClient(LOOPBACK, **options), SystemClock())


async def deliver(one: ForwardJob, **options: Any) -> Outcome:
    return await forwarder(**options).deliver(one)


# --- Standard Webhooks --------------------------------------------------------------------------------------


async def test_an_independent_library_verifies_what_we_send(hook_sink: HookSink) -> None:
    one = job(hook_sink.url())
    assert await deliver(one) == Accepted("200")
    hook = hook_sink.hooks.items[0]
    body = Webhook(SECRET).verify(hook.body, dict(hook.headers))
    assert body == {
        "type": "message.received",
        "timestamp": "2026-11-22T10:00:00.000000Z",
        "data": json.loads(json.dumps(message_resource(one.message))),
    }
    assert hook.method == "POST"
    assert hook.headers["Content-Type"] == "application/json"
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(hook.body + b" ", dict(hook.headers))


async def test_every_try_has_the_same_id_and_its_own_time(hook_sink: HookSink, clock: FakeClock) -> None:
    sender = WebhookForwarder(GuardedClient(LOOPBACK), clock)
    for _ in range(2):
        await sender.deliver(job(hook_sink.url()))
        clock.advance(300)
    await sender.deliver(job(hook_sink.url(), id=b"k" * 16))
    first, second, third = (hook.headers for hook in hook_sink.hooks.items)
    assert first["webhook-id"] == second["webhook-id"] != third["webhook-id"]
    assert int(second["webhook-timestamp"]) - int(first["webhook-timestamp"]) == 300
    assert first["webhook-signature"] != second["webhook-signature"]


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_!!!", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])
async def test_nothing_goes_out_unsigned(hook_sink: HookSink, secret: str) -> None:
    assert await deliver(job(hook_sink.url(), secret=secret)) == Permanent("secret_invalid")
    assert len(hook_sink.hooks) == 0


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (Answer(204), Accepted("204")),
        (Answer(410), Permanent("410", disable=True)),
        (Answer(404), Temporary("404")),
        (Answer(500), Temporary("500")),
        (Answer(503, headers=(("Retry-After", "120"),)), Temporary("503", retry_after=120)),
        (Answer(429, headers=(("Retry-After", "999999"),)), Temporary("429", retry_after=86_400)),
        (Answer(429, headers=(("Retry-After", "soon"),)), Temporary("429")),
        (Answer(200, body=b"x" * 500_000), Accepted("200")),
    ],
)
async def test_what_an_answer_means(hook_sink: HookSink, answer: Answer, outcome: Outcome) -> None:
    hook_sink.answer_next(answer)
    assert await deliver(job(hook_sink.url())) == outcome


async def test_redirects_are_not_followed(hook_sink: HookSink) -> None:
    hook_sink.answer_next(Answer(302, headers=(("Location", hook_sink.url("/elsewhere")),)))
    outcome = await deliver(job(hook_sink.url()))
    assert isinstance(outcome, Temporary)
    assert outcome.cause == "redirect 302"
    assert [hook.path for hook in hook_sink.hooks.items] == ["/hook"]


async def test_no_answer_is_uncertain_and_nobody_there_is_temporary(hook_sink: HookSink) -> None:
    hook_sink.answer_next(Answer(0))
    assert isinstance(await deliver(job(hook_sink.url())), Uncertain)
    hook_sink.answer_next(Answer(200, delay=1.0))
    assert await deliver(job(hook_sink.url()), deadline=0.2) == Uncertain("no_answer", "timeout")
    await hook_sink.stop()
    assert isinstance(await deliver(job(hook_sink.url())), Temporary)


async def test_an_answer_that_drips_is_left_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The status counts; the rest of the body is waited for briefly, and never as a whole."""

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.02)

    monkeypatch.setattr(guarded, "BODY_SECONDS", 0.1)
    async with tcp_server(drip) as port, asyncio.timeout(5):
        assert await deliver(job(f"http://127.0.0.1:{port}/"), deadline=1.0) == Accepted("200")


async def test_a_body_of_rubbish_instead_of_http() -> None:
    async def rubbish(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"SSH-2.0-OpenSSH\r\n" * 10)

    async with tcp_server(rubbish) as port:
        assert isinstance(await deliver(job(f"http://127.0.0.1:{port}/")), Uncertain)


# --- GET ----------------------------------------------------------------------------------------------------


async def test_get_fills_in_the_template(hook_sink: HookSink) -> None:
    about = message()._replace(text="Zażółć & #1?=%41 +\r\nX: y {from}", sender="+48777000001")
    one = job(hook_sink.url("/in/{to}?from={from}&text={text}&k=a%20b"), mode="get", message=about, secret="")
    assert await deliver(one) == Accepted("200")
    hook = hook_sink.hooks.items[0]
    assert (hook.method, hook.body) == ("GET", b"")
    assert hook.path == "/in/+48601000001"
    assert dict(hook.query) == {"from": about.sender, "text": about.text, "k": "a b"}
    assert "X" not in hook.headers
    assert "webhook-signature" not in hook.headers


@pytest.mark.parametrize("text", ["..", "../../admin", "a/b?c=d#e", "@evil.test", "\\", "%2e%2e", "{to}"])
def test_a_text_never_leaves_its_place(text: str) -> None:
    about = message()._replace(text=text)
    url = get_url("https://h.test/a/{text}/b?q={text}", job("", message=about))
    parts = urlsplit(url)
    assert (parts.scheme, parts.netloc) == ("https", "h.test")
    assert parts.path.startswith("/a/")
    assert parts.path.endswith("/b")
    assert parts.path.count("/") == 3
    assert ".." not in parts.path
    assert parse_qs(parts.query) == {"q": [text]}
    assert not parts.fragment


@pytest.mark.parametrize("template", ["http://{text}/x", "http://127.0.0.1{text}/x", "http://{from}@h.test/"])
async def test_a_text_never_chooses_the_host(template: str) -> None:
    about = message()._replace(text="127.0.0.1:1")
    outcome = await deliver(job(template, mode="get", message=about))
    assert isinstance(outcome, Temporary)
    assert outcome.cause == "url_forbidden"


# --- SSRF ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "10.1.2.3",
        "100.64.0.1",
        "100.100.100.200",
        "127.0.0.1",
        "127.8.9.1",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.8",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.9",
        "224.0.0.1",
        "239.1.1.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:db8::1",
        "2002:7f00:1::1",
        "2002:a00:1::1",
        "fc00::1",
        "fd12::1",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
        "fd00:ec2::254",
        "3fff::1",
    ],
)
def test_addresses_that_are_nobodys_or_ours(address: str) -> None:
    assert not is_public(read_address(address))


@pytest.mark.parametrize(
    "address",
    [
        "8.8.8.8",
        "1.1.1.1",
        "172.32.0.1",
        "100.128.0.1",
        "::ffff:8.8.8.8",
        "64:ff9b::808:808",
        "2606:4700::1111",
        "2a00:1450::1",
    ],
)
def test_addresses_of_the_public_internet(address: str) -> None:
    assert is_public(read_address(address))


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "127.1",
        "0x7f.0.0.1",
        "2130706433",
        "017700000001",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "0.0.0.0",
        "0",
        "[::]",
        "LOCALHOST",
        "127.0.0.1.",
        "localhost.",
    ],
)
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_no_spelling_of_this_machine_is_called(host: str, scheme: str) -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    listening.setblocking(False)
    client = GuardedClient()
    with pytest.raises((UrlForbiddenError, UnreachableError)):
        await client.send("GET", f"{scheme}://{host}:{listening.getsockname()[1]}/", {})
    with pytest.raises(BlockingIOError):
        listening.accept()
    listening.close()


@pytest.mark.parametrize(
    "url",
    [
        "ftp://h.test/",
        "file:///etc/passwd",
        "https:///x",
        "https://h.test\\@127.0.0.1/",
        "https://h.test/ x",
        "https://h.test/\r\nHost: x",
        "https://żółw.test/",
        "https://h.test:99999/",
        "https://[::1/",
        "//h.test/",
        "",
        "https://h.test/" + "x" * 20_000,
    ],
)
async def test_urls_of_another_kind_are_refused(url: str) -> None:
    with pytest.raises(UrlForbiddenError):
        await GuardedClient().send("GET", url, {})


def resolving(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """Have names resolve to these addresses, one answer after the other; the names asked for."""
    asked: list[str] = []
    left = list(answers)

    def getaddrinfo(host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        asked.append(host)
        found = left.pop(0) if len(left) > 1 else left[0]
        return [(socket.AF_INET6 if ":" in one else socket.AF_INET, 1, 6, "", (one, port)) for one in found]

    monkeypatch.setattr(guarded.socket, "getaddrinfo", getaddrinfo)
    return asked


async def test_a_name_with_one_private_address_among_public_ones_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    resolving(monkeypatch, ["8.8.8.8", "10.0.0.1"])
    with pytest.raises(UrlForbiddenError):
        await GuardedClient().send("GET", "https://h.test/", {})


async def test_a_name_is_resolved_once_and_the_checked_address_is_called(
    monkeypatch: pytest.MonkeyPatch, hook_sink: HookSink
) -> None:
    """DNS rebinding: what a second look-up would say does not matter."""
    asked = resolving(monkeypatch, ["127.0.0.1"], ["10.9.9.9"])
    client = GuardedClient(LOOPBACK)
    answer = await client.send("GET", hook_sink.url().replace("127.0.0.1", "hooks.test"), {})
    assert answer.status == 200
    assert asked == ["hooks.test"]
    assert hook_sink.hooks.items[0].headers["Host"].startswith("hooks.test:")
    with pytest.raises(UrlForbiddenError):
        await client.send("GET", hook_sink.url().replace("127.0.0.1", "hooks.test"), {})


async def test_an_exception_opens_its_scheme_and_network_only(hook_sink: HookSink) -> None:
    narrow = GuardedClient(["http://127.0.0.2/32", "https://127.0.0.0/8"])
    with pytest.raises(UrlForbiddenError):
        await narrow.send("GET", hook_sink.url(), {})
    assert (await GuardedClient(["http://127.0.0.1"]).send("GET", hook_sink.url(), {})).status == 200
    with pytest.raises(ValueError, match="scheme://network"):
        GuardedClient(["ftp://127.0.0.0/8"])


async def test_an_unknown_name_is_temporary() -> None:
    outcome = await deliver(job("https://no-such-host.invalid/hook"))
    assert isinstance(outcome, Temporary)


async def test_a_certificate_that_proves_nothing_is_not_talked_to(hook_sink: HookSink) -> None:
    client = GuardedClient(["https://127.0.0.0/8"])
    with pytest.raises(UnreachableError):
        await client.send("GET", hook_sink.url().replace("http:", "https:"), {})
    assert len(hook_sink.hooks) == 0
