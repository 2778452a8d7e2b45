"""Bodies as phones wrap, compress and label them: what text comes out, what is refused, and within which bounds."""

import base64
import contextlib
import gzip
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voip_sms.wire.sip.content import NOTHING, Content, ContentError, Text, read_content
from voip_sms.wire.sip.encodings import EncodingError, ExpandedError, expanded
from voip_sms.wire.sip.headers import Headers
from voip_sms.wire.sip.imdn import Receipt, write_receipt
from voip_sms.wire.sip.messages import MAX_BODY
from voip_sms.wire.sip.mime import PartError
from voip_sms.wire.sip.multipart import MAX_PARTS, read_parts

ZAZOLC = "Zażółć gęślą jaźń"


def content(body: bytes, kind: str = "", encoding: str = "") -> Content:
    pairs = [("content-type", kind)] if kind else []
    return read_content(Headers([*pairs, *([("content-encoding", encoding)] if encoding else [])]), body)


def text(body: bytes, kind: str = "", encoding: str = "") -> str:
    found = content(body, kind, encoding).text
    assert found is not None
    return found.text


def refused(body: bytes, kind: str = "", encoding: str = "") -> tuple[int, str]:
    with pytest.raises(ContentError) as error:
        content(body, kind, encoding)
    return error.value.status, error.value.missing


def bare_deflate(octets: bytes) -> bytes:
    stream = zlib.compressobj(wbits=-15)
    return stream.compress(octets) + stream.flush()


# --- charsets -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("octets", "charset"),
    [
        (ZAZOLC.encode("utf-16"), "UTF-16"),
        (ZAZOLC.encode("utf-16-le"), "utf-16"),
        (ZAZOLC.encode("utf-16-be"), "utf-16"),
        (b"\xfe\xff" + ZAZOLC.encode("utf-16-be"), "utf-16"),
        (ZAZOLC.encode("utf-16-be"), "UTF-16BE"),
        (ZAZOLC.encode("cp1250"), "Windows-1250"),
        (ZAZOLC.encode("cp1250"), "us-ascii"),
        (ZAZOLC.encode("iso8859-2"), " ISO-8859-2 "),
        (ZAZOLC.encode("iso8859-2"), "iso 8859 2"),
        (ZAZOLC.encode(), "us-ascii"),
    ],
)
def test_charsets(octets: bytes, charset: str) -> None:
    assert text(octets, f'text/plain; charset="{charset}"') == ZAZOLC


@pytest.mark.parametrize("charset", ["iso-8859-1", "ISO8859-1", "latin1", "windows-1252"])
def test_the_euro_sign_of_programs_that_call_their_windows_set_latin_1(charset: str) -> None:
    found = content(b"10 \x80 za pi\xeatro", f"text/plain; charset={charset}").text
    assert found == Text("10 € za piêtro")


@pytest.mark.parametrize("charset", ["koi8-r", "windows-1251", "CP866", "iso-8859-5", "gb18030"])
def test_a_phone_from_elsewhere_is_read_as_a_mail_is(charset: str) -> None:
    assert text("Привет".encode(charset), f"text/plain; charset={charset}") == "Привет"


# --- encodings ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("octets", "encoding"),
    [
        (zlib.compress(ZAZOLC.encode()), "deflate"),
        (bare_deflate(ZAZOLC.encode()), "deflate"),
        (gzip.compress(ZAZOLC.encode(), mtime=0), "gzip"),
        (gzip.compress(ZAZOLC.encode(), mtime=0), " X-GZIP "),
        (gzip.compress(zlib.compress(ZAZOLC.encode()), mtime=0), "deflate, gzip"),
        (ZAZOLC.encode(), "identity"),
        (ZAZOLC.encode(), ""),
    ],
)
def test_compressed_bodies(octets: bytes, encoding: str) -> None:
    assert text(octets, "text/plain", encoding) == ZAZOLC


@pytest.mark.parametrize("encoding", ["br", "zstd", "compress", "gzip, br", "gzip, gzip, gzip", "x"])
def test_unknown_encodings_are_refused_before_anything_else(encoding: str) -> None:
    assert refused(b"whatever", "application/pdf", encoding) == (415, "encoding")


@pytest.mark.parametrize(
    ("octets", "encoding"),
    [
        (b"no deflate", "deflate"),
        (b"no gzip", "gzip"),
        (gzip.compress(b"hello", mtime=0)[:-4], "gzip"),
        (b"\x78\x9c", "deflate"),
    ],
)
def test_octets_that_are_not_what_they_say(octets: bytes, encoding: str) -> None:
    assert refused(octets, "text/plain", encoding) == (400, "")


def test_a_bomb_is_refused_after_the_size_of_a_body() -> None:
    bomb = zlib.compress(zlib.compress(bytes(60_000_000), 9), 9)
    assert len(bomb) < 1_000
    assert refused(bomb, "text/plain", "deflate, deflate") == (413, "")
    assert refused(gzip.compress(bytes(MAX_BODY + 1)), "text/plain", "gzip") == (413, "")
    assert text(gzip.compress(b"a" * MAX_BODY), "text/plain", "gzip") == "a" * MAX_BODY


def test_many_compressed_parts_share_one_bound() -> None:
    inner = gzip.compress(b"\r\n" + b"x" * (MAX_BODY - 2))
    body = b"".join(
        b"--b\r\nContent-Type: application/pdf\r\nContent-Encoding: gzip\r\n\r\n" + inner + b"\r\n"
        for _ in range(MAX_PARTS)
    )
    assert refused(body + b"--b--", "multipart/mixed;boundary=b") == (413, "")


@given(st.binary(max_size=300), st.sampled_from(["gzip", "deflate", "deflate, gzip"]))
def test_no_compressed_octets_crash_it(octets: bytes, encoding: str) -> None:
    with contextlib.suppress(EncodingError):
        assert len(expanded(octets, encoding, 1000)) <= 1000


@given(st.binary(max_size=2000), st.sampled_from(["gzip", "deflate"]))
def test_never_more_than_allowed(octets: bytes, encoding: str) -> None:
    packed = gzip.compress(octets) if encoding == "gzip" else zlib.compress(octets)
    if len(octets) <= 1000:
        assert expanded(packed, encoding, 1000) == octets
    else:
        with pytest.raises(ExpandedError):
            expanded(packed, encoding, 1000)


# --- multipart ------------------------------------------------------------------------------------------------


def multipart(*parts: tuple[str, bytes], boundary: bytes = b"b1") -> bytes:
    pieces = [
        b"--" + boundary + b"\r\n" + head.encode() + (b"\r\n\r\n" if head else b"\r\n") + body + b"\r\n"
        for head, body in parts
    ]
    return b"preamble\r\n" + b"".join(pieces) + b"--" + boundary + b"--\r\nepilogue"


PLAIN, HTML = ("Content-Type: text/plain", b"plain"), ("Content-Type: text/html", b"<p>rich</p>")
PDF = ("Content-Type: application/pdf", b"%PDF")


@pytest.mark.parametrize(
    ("parts", "read"),
    [
        ([PLAIN], "plain"),
        ([HTML, PLAIN], "plain"),
        ([PLAIN, HTML], "plain"),
        ([PDF, HTML], "rich"),
        ([("", b"no headers")], "no headers"),
        ([PDF, PLAIN, ("Content-Type: text/plain", b"second")], "plain"),
        (
            [("Content-Type: text/plain\r\nContent-Transfer-Encoding: base64", base64.b64encode(b"packed"))],
            "packed",
        ),
        (
            [
                (
                    "content-type:text/plain;charset=utf-8\r\ncontent-transfer-encoding: Quoted-Printable",
                    b"=C5=82=\r\na",
                )
            ],
            "ła",
        ),
        ([("Content-Type: text/plain;\r\n charset=iso-8859-2", "ł".encode("iso8859-2"))], "ł"),
        ([("Content-Type: multipart/mixed; boundary=b2", multipart(PLAIN, boundary=b"b2"))], "plain"),
    ],
)
@pytest.mark.parametrize("kind", ["mixed", "alternative", "related"])
def test_the_text_part(parts: list[tuple[str, bytes]], read: str, kind: str) -> None:
    assert text(multipart(*parts), f'multipart/{kind}; boundary="b1"') == read
    assert text(multipart(*parts).replace(b"\r\n", b"\n"), f"multipart/{kind};boundary=b1").strip() == read


def test_an_end_that_is_missing_is_forgiven() -> None:
    assert text(b"--b\r\nContent-Type: text/plain\r\n\r\nhello", "multipart/mixed;boundary=b") == "hello"


def test_a_boundary_within_a_line_is_text() -> None:
    body = multipart(("Content-Type: text/plain", b"a --b1 b\r\n--b12\r\nc"))
    assert text(body, "multipart/mixed;boundary=b1") == "a --b1 b\n--b12\nc"


@pytest.mark.parametrize(
    ("body", "kind", "answer"),
    [
        (multipart(PDF), "multipart/mixed;boundary=b1", (415, "type")),
        (
            multipart(("Content-Type: text/plain;charset=ebcdic", b"x")),
            "multipart/mixed;boundary=b1",
            (415, "type"),
        ),
        (
            multipart(("Content-Transfer-Encoding: uuencode", b"x")),
            "multipart/mixed;boundary=b1",
            (415, "type"),
        ),
        (multipart(("Content-Encoding: br", b"x")), "multipart/mixed;boundary=b1", (415, "encoding")),
        (multipart(PLAIN), "multipart/mixed", (400, "")),
        (multipart(PLAIN), "multipart/mixed;boundary=other", (400, "")),
        (multipart(PLAIN), f"multipart/mixed;boundary={'b' * 300}", (400, "")),
        (multipart(("Content-Transfer-Encoding: base64", b"x")), "multipart/mixed;boundary=b1", (400, "")),
        (b"x", "application/pdf", (415, "type")),
        (b"x", "nonsense", (400, "")),
        (b"x", "message/cpim", (400, "")),
    ],
)
def test_refusals(body: bytes, kind: str, answer: tuple[int, str]) -> None:
    assert refused(body, kind) == answer


def test_bodies_within_bodies_end() -> None:
    body = b"deep"
    head = "Content-Type: text/plain"
    for level in range(20):
        boundary = f"b{level}x".encode()
        body = multipart((head, body), boundary=boundary)
        head = f"Content-Type: multipart/mixed; boundary=b{level}x"
    assert refused(body, head.partition(": ")[2]) == (400, "")


@given(
    st.lists(st.sampled_from([b"--b", b"--b--", b"", b"a: b", b"x", b"--"]), max_size=60),
    st.sampled_from([b"\r\n", b"\n"]),
)
def test_no_arrangement_of_boundaries_crashes_it(lines: list[bytes], end: bytes) -> None:
    body = end.join(lines)
    try:
        parts = read_parts(body, "b")
    except PartError:
        return
    assert 0 < len(parts) <= MAX_PARTS
    assert sum(len(part.body) for part in parts) <= len(body)


# --- everything together --------------------------------------------------------------------------------------

RECEIPT = write_receipt("id1", "2026-11-22T10:00:00Z", "sip:1@sms.test", "displayed")
CPIM = b"From: <sip:a@b>\r\nimdn.Message-ID: id1\r\nimdn.Disposition-Notification: display\r\n\r\n"


def test_a_text_in_cpim_keeps_its_name_and_wishes() -> None:
    body = CPIM + b"Content-Type: text/plain; charset=ISO-8859-2\r\n\r\n" + ZAZOLC.encode("iso8859-2")
    assert content(body, "message/CPIM") == Content(Text(ZAZOLC), (), True, "id1", ("displayed",))


def test_a_multipart_in_cpim_and_cpim_in_a_multipart() -> None:
    inner = b"Content-Type: multipart/alternative; boundary=b1\r\n\r\n" + multipart(HTML, PLAIN)
    assert text(CPIM + inner, "message/cpim") == "plain"
    found = content(
        multipart(("Content-Type: message/cpim", CPIM + b"\r\nhej")), "multipart/mixed;boundary=b1"
    )
    assert (found.text, found.message_id, found.cpim) == (Text("hej"), "id1", True)


@pytest.mark.parametrize(
    ("body", "kind", "encoding"),
    [
        (RECEIPT, "message/imdn+xml", ""),
        (zlib.compress(RECEIPT), "message/imdn+xml", "deflate"),
        (CPIM + b"Content-Type: message/imdn+xml\r\n\r\n" + RECEIPT, "message/cpim", ""),
        (
            zlib.compress(CPIM + b"Content-Type: message/imdn+xml\r\n\r\n" + RECEIPT),
            "message/cpim",
            "deflate",
        ),
        (
            CPIM
            + b"Content-Type: message/imdn+xml\r\nContent-Encoding: deflate\r\n\r\n"
            + zlib.compress(RECEIPT),
            "message/cpim",
            "",
        ),
        (multipart(("Content-Type: message/imdn+xml", RECEIPT)), "multipart/mixed;boundary=b1", ""),
    ],
)
def test_receipts(body: bytes, kind: str, encoding: str) -> None:
    found = content(body, kind, encoding)
    assert (found.text, found.receipts) == (None, (Receipt("id1", "displayed"),))


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", ""),
        (b"", "application/pdf"),
        (b"<isComposing/>", "application/im-iscomposing+xml"),
        (b"not even XML", "application/im-isComposing+xml; charset=utf-8"),
        (CPIM + b"Content-Type: application/im-iscomposing+xml\r\n\r\n<isComposing/>", "message/cpim"),
        (b"<broken", "message/imdn+xml"),
        (multipart(("Content-Type: application/im-iscomposing+xml", b"<x/>")), "multipart/mixed;boundary=b1"),
    ],
)
def test_what_nobody_would_read(body: bytes, kind: str) -> None:
    found = content(body, kind)
    assert (found.text, found.receipts) == (NOTHING.text, NOTHING.receipts)


@pytest.mark.parametrize(
    ("markup", "shown"),
    [
        ("<html><head><title>x</title><style>a{}</style></head><body>Hej<br>ty</body></html>", "Hej\nty"),
        ("<p>a &lt;b&gt; &amp; \u0142&oacute;d&#378;</p><p>c</p>", "a <b> & łódź\nc"),
        ("1 < 2 i 3 > 2", "1 < 2 i 3 > 2"),
        ("<script>alert('<p>x</p>')</script>ok", "ok"),
        ("a<!-- hidden -->b", "ab"),
        ("a\r\n   b<b>c</b>", "a bc"),
        ("<p", ""),
        ("I <3 you", "I <3 you"),
        ("a<!-- x > y -->b", "ab"),
        ("<!-- <p>x</p> -->b<!--", "b"),
        (f"a&#{'1' * 5000};b", f"a&#{'1' * 5000};b"),
        ("a&#x110000;&#0;b", "a\ufffd\ufffdb"),
        ('<a href="https://example.test/x">tu</a> <img src="x.png" alt="obrazek">', "tu"),
        ('<span style="display:none">x</span>Hej&nbsp;ty', "Hej ty"),
        ("<div>a</div><div><br></div><div>b</div>", "a\n\nb"),
        ('<p title="1 > 0">c</p>', "c"),
        ("<table><tr><td>a</td><td>b</td></tr></table>", "a b"),
    ],
)
def test_marked_up_text(markup: str, shown: str) -> None:
    assert text(markup.encode(), "text/html;charset=utf-8") == shown


KINDS = st.sampled_from(
    [
        "",
        "text/plain",
        "text/html",
        "message/cpim",
        "message/imdn+xml",
        "multipart/mixed;boundary=b",
        "text/plain;charset=utf-16",
        "x",
        "multipart/alternative;boundary=b1",
    ]
)
PIECES = st.lists(
    st.sampled_from(
        [
            b"--b\r\n",
            b"--b--",
            b"\r\n",
            b"Content-Type: message/cpim\r\n",
            b"<imdn>",
            b"Content-Encoding: gzip\r\n",
            b"Content-Type: multipart/mixed;boundary=b\r\n",
            b"Content-Transfer-Encoding: base64\r\n",
            b"\xff\x00",
            gzip.compress(b"--b\r\n\r\nx"),
            b"Content-Type: text/plain\r\n",
            b"<p>&lt;",
            PLAIN[1],
            CPIM,
        ]
    ),
    max_size=20,
).map(b"".join)


@settings(max_examples=300)
@given(PIECES, KINDS, st.sampled_from(["", "gzip", "deflate", "br"]))
def test_whatever_comes_it_is_read_or_refused(body: bytes, kind: str, encoding: str) -> None:
    try:
        found = content(body, kind, encoding)
    except ContentError as error:
        status, found = error.status, NOTHING
    else:
        status = 200
    assert status in {200, 400, 413, 415}
    assert found.text is None or len(found.text.text) <= MAX_BODY
