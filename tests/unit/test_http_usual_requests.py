"""Which requests are read without aiohttp: whole and plain ones, and nothing that two readers could take differently."""

import pytest

from voip_sms.net.http.direct import MOST, Reply, read, written

BODY = b'{"to":"+48601123456"}'


def request(*lines: str, start: str = "POST /v1/messages HTTP/1.1", body: bytes = BODY) -> bytes:
    return "\r\n".join([start, *lines, "", ""]).encode("latin-1") + body


HOST, LENGTH = "Host: sms.example", f"Content-Length: {len(BODY)}"


def test_a_plain_request_is_read() -> None:
    found = read(request(HOST, "Authorization:  Bearer abc \t", "X-Empty:", LENGTH), "192.0.2.1")
    assert found is not None
    assert (found.path, found.body, found.remote) == ("/v1/messages", BODY, "192.0.2.1")
    assert found.headers["authorization"] == "Bearer abc"
    assert found.headers["x-empty"] == ""


@pytest.mark.parametrize("connection", ["keep-alive", "Keep-Alive"])
def test_a_connection_that_stays_is_usual(connection: str) -> None:
    assert read(request(HOST, f"Connection: {connection}", LENGTH), None) is not None


UNUSUAL = {
    "another method": request(HOST, LENGTH, start="PUT /v1/messages HTTP/1.1"),
    "an older version": request(HOST, LENGTH, start="POST /v1/messages HTTP/1.0"),
    "a query": request(HOST, LENGTH, start="POST /v1/messages?a=b HTTP/1.1"),
    "an absolute URI": request(HOST, LENGTH, start="POST http://x/v1/messages HTTP/1.1"),
    "two spaces": request(HOST, LENGTH, start="POST  /v1/messages HTTP/1.1"),
    "no host": request(LENGTH),
    "no length": request(HOST),
    "half a body": request(HOST, LENGTH, body=BODY[:-1]),
    "half a head": request(HOST, LENGTH)[:60],
    "a second request": request(HOST, LENGTH) + request(HOST, LENGTH),
    "two lengths": request(HOST, LENGTH, LENGTH),
    "two lengths in other letters": request(HOST, LENGTH, LENGTH.lower()),
    "a signed length": request(HOST, f"Content-Length: +{len(BODY)}"),
    "a length with a zero before": request(HOST, f"Content-Length: 0{len(BODY)}"),
    "a list of lengths": request(HOST, f"Content-Length: {len(BODY)}, {len(BODY)}"),
    "a chunked body": request(HOST, LENGTH, "Transfer-Encoding: chunked"),
    "a chunked body in capitals": request(HOST, LENGTH, "TRANSFER-ENCODING: chunked"),
    "a packed body": request(HOST, LENGTH, "Content-Encoding: gzip"),
    "a body that waits": request(HOST, LENGTH, "Expect: 100-continue"),
    "an upgrade": request(HOST, LENGTH, "Connection: upgrade", "Upgrade: h2c"),
    "a connection that ends": request(HOST, LENGTH, "Connection: close"),
    "two hosts": request(HOST, "host: other.example", LENGTH),
    "a folded line": request(HOST, "X: a\r\n b", LENGTH),
    "a space before the colon": request(HOST, "X : a", LENGTH),
    "a line without a colon": request(HOST, "X", LENGTH),
    "a line without a name": request(HOST, ": a", LENGTH),
    "a bare line feed": request(HOST, "X: a\nTransfer-Encoding: chunked", LENGTH),
    "a bare carriage return": request(HOST, "X: a\rb", LENGTH),
    "a NUL": request(HOST, "X: a\0", LENGTH),
    "octets beyond ASCII": request(HOST, "X: ä", LENGTH),
    "too much": request(HOST, f"Content-Length: {MOST}", body=b"x" * MOST),
}


@pytest.mark.parametrize("octets", UNUSUAL.values(), ids=UNUSUAL.keys())
def test_whatever_is_unusual_is_left_to_aiohttp(octets: bytes) -> None:
    assert read(octets, None) is None


def test_an_answer_as_it_is_written() -> None:
    head, _, body = written(Reply(202, b"{}", (("Content-Type", "application/json"),))).partition(b"\r\n\r\n")
    first, *fields = head.decode().split("\r\n")
    assert (first, body) == ("HTTP/1.1 202 Accepted", b"{}")
    assert fields[:2] == ["Content-Type: application/json", "Content-Length: 2"]
    assert fields[2].startswith("Date: ")
    assert fields[2].endswith(" GMT")
