"""URIs as they are written on the wire: what is read, what is refused, what is escaped."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voip_sms.wire.sip.grammar import GrammarError
from voip_sms.wire.sip.uri import SchemeError, SipUri, TelUri, parse_uri, sip_uri


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sip:",
        "601123456",
        "sip:a b@sms.test",
        "<sip:a@sms.test>",
        "sip:a@b@sms.test",
        "sip:a%zz@sms.test",
        "sip:@sms.test",
        "sip:a@",
        "sip:a@host:",
        "sip:a@host:0",
        "sip:a@host:65536",
        "sip:a@host:12345678901",
        "sip:a@[::1",
        "sip:a@host?",
        "sip:a@host;x=\udcff",
        "sip:\udcff@host",
        "sip:a\x07@host",
        "sip:a@" + "h" * 1100,
    ],
)
def test_refused(text: str) -> None:
    with pytest.raises(GrammarError):
        parse_uri(text)


@pytest.mark.parametrize(
    "text", ["mailto:a@b.test", "nobodyKnowsThisScheme:totallyopaquecontent", "http://x/"]
)
def test_foreign_scheme_is_told_apart(text: str) -> None:
    with pytest.raises(SchemeError):
        parse_uri(text)


def test_parts() -> None:
    uri = parse_uri("sips:jan%40x:pw@[2001:db8::1]:5061;transport=tls;lr?subject=a")
    assert uri == SipUri(
        "[2001:db8::1]",
        "jan%40x:pw",
        5061,
        secure=True,
        params={"transport": "tls", "lr": ""},
        headers="subject=a",
    )
    assert isinstance(uri, SipUri)
    assert uri.user == "jan@x"
    assert str(uri) == "sips:jan%40x:pw@[2001:db8::1]:5061;transport=tls;lr"
    assert str(parse_uri("tel:+48-601;ext=1")) == "tel:+48-601;ext=1"
    assert parse_uri("tel:+48-601;ext=1") == TelUri("+48-601", {"ext": "1"})


def test_aor_ignores_case_of_host_only() -> None:
    first, second = parse_uri("sip:Jan@SMS.Test"), parse_uri("sip:%4aan@sms.test;x=y")
    assert isinstance(first, SipUri)
    assert isinstance(second, SipUri)
    assert first.aor == second.aor == ("Jan", "sms.test")


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=60))
def test_any_user_survives_escaping(user: str) -> None:
    uri = parse_uri(sip_uri(user, "sms.test"))
    assert isinstance(uri, SipUri)
    assert uri.user == user


@given(st.text(max_size=80))
def test_parser_only_ever_refuses(text: str) -> None:
    try:
        parse_uri(text)
        parse_uri("sip:" + text)
    except GrammarError:
        pass
