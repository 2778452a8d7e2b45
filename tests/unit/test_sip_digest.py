"""Digest: the RFC's own examples, and what must not pass."""

import contextlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voip_sms.wire.sip.digest import (
    Algorithm,
    Challenge,
    answer,
    ha1,
    parse_challenge,
    parse_credentials,
    proves,
)
from voip_sms.wire.sip.grammar import GrammarError
from voip_sms.wire.sip.nonces import COUNT_WINDOW, NonceCounts, NonceMint, NonceState

RFC7616_3_9_1 = {
    Algorithm.MD5: "8ca523f5e9506fed4657c9700eebdbec",
    Algorithm.SHA256: "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
}
KEY = bytes(range(32))


@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_rfc_7616_example(algorithm: Algorithm) -> None:
    challenge = parse_challenge(
        'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=' + algorithm + ", "
        'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
    )
    made = answer(
        challenge,
        "GET",
        "/dir/index.html",
        "Mufasa",
        "Circle of Life",
        cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
    )
    assert made.response == RFC7616_3_9_1[algorithm]
    read = parse_credentials(str(made))
    assert read == made
    assert proves(read, "GET", ha1(algorithm, "Mufasa", "http-auth@example.org", "Circle of Life"))


def test_without_qop_as_old_phones_do() -> None:
    made = answer(Challenge("sms.test", "n", qop=""), "REGISTER", "sip:sms.test", "101", "pw", cnonce="")
    assert "nc=" not in str(made)
    assert proves(parse_credentials(str(made)), "REGISTER", ha1(Algorithm.MD5, "101", "sms.test", "pw"))


def test_any_change_breaks_the_proof() -> None:
    made = answer(Challenge("sms.test", "n"), "MESSAGE", "sip:a@b", "101", "pw", cnonce="c")
    secret = ha1(Algorithm.MD5, "101", "sms.test", "pw")
    assert proves(made, "MESSAGE", secret)
    assert not proves(made, "REGISTER", secret)
    assert not proves(made, "MESSAGE", ha1(Algorithm.MD5, "101", "sms.test", "pW"))
    for field in ("nonce", "uri", "cnonce", "nc"):
        assert not proves(replace(made, **{field: "00000009"}), "MESSAGE", secret)


def test_user_names_with_quotes_survive() -> None:
    made = answer(Challenge("sms.test", "n"), "MESSAGE", "sip:a@b", 'ja"n\\', "pw", cnonce="c")
    assert parse_credentials(str(made)).username == 'ja"n\\'


@pytest.mark.parametrize(
    "value",
    [
        "",
        "Basic dXNlcjpwdw==",
        "NoOneKnowsThisScheme opaque-data=here",
        'Digest username="101"',
        'Digest username="101", realm="r", nonce="n", uri="u", response="x", algorithm=SHA-512',
        'Digest username="101", realm="r", nonce="n", uri="u", response="x", qop=auth, nc=1, cnonce="c"',
        'Digest username="101", realm="r", nonce="n", uri="u", response="x", qop=auth-int, nc=00000001, cnonce="c"',
        'Digest username="101", username="102", realm="r", nonce="n", uri="u", response="x"',
        'Digest username="101, realm="r", nonce="n", uri="u", response="x"',
        "Digest " + "a=b, " * 2000,
    ],
)
def test_what_is_no_digest_is_refused(value: str) -> None:
    with pytest.raises(GrammarError):
        parse_credentials(value)


@given(st.text(max_size=100))
def test_no_text_crashes_the_parser(text: str) -> None:
    with contextlib.suppress(GrammarError):
        parse_credentials("Digest " + text)


def test_nonce_proves_its_age_across_a_restart() -> None:
    nonce = NonceMint(KEY, lifetime=60).mint(1000.5, b"1234567")
    again = NonceMint(KEY, lifetime=60)
    assert again.state(nonce, 1060) is NonceState.FRESH
    assert again.state(nonce, 1061) is NonceState.STALE
    assert NonceMint(KEY[::-1]).state(nonce, 1000) is NonceState.FOREIGN


def test_nonces_of_one_second_differ_by_salt() -> None:
    mint = NonceMint(KEY)
    assert mint.mint(1000, b"1234567") != mint.mint(1000, b"1234568")


@given(st.text(max_size=40))
def test_made_up_nonces_are_foreign(text: str) -> None:
    assert NonceMint(KEY).state(text, 1000) is NonceState.FOREIGN


def test_tampered_nonce_is_foreign() -> None:
    nonce = NonceMint(KEY).mint(1000, b"1234567")
    for at in range(len(nonce)):
        other = nonce[:at] + ("A" if nonce[at] != "A" else "B") + nonce[at + 1 :]
        assert NonceMint(KEY).state(other, 1000) is NonceState.FOREIGN


def test_a_short_key_is_refused() -> None:
    with pytest.raises(ValueError, match="key"):
        NonceMint(b"short")


def test_counts_allow_the_same_request_again_and_nothing_else() -> None:
    counts = NonceCounts()
    assert counts.admit("n:c:101", 1, b"first")
    assert counts.admit("n:c:101", 3, b"third")
    assert counts.admit("n:c:101", 2, b"second"), "overtaken on the way, but never used"
    assert counts.admit("n:c:101", 1, b"first"), "the retransmission of a stored request gets its answer"
    assert not counts.admit("n:c:101", 2, b"another body")
    assert counts.admit("n:c:102", 2, b"another client")


def test_counts_far_behind_are_replays() -> None:
    counts = NonceCounts()
    for count in range(1, 3 * COUNT_WINDOW):
        assert counts.admit("x", count, b"")
    assert not counts.admit("x", 1, b"")


def test_counts_are_bounded() -> None:
    counts = NonceCounts(capacity=2)
    for client in "abc":
        counts.admit(client, 1, b"1")
    assert counts.admit("a", 1, b"2"), "forgotten"
    assert not counts.admit("c", 1, b"2"), "remembered"
