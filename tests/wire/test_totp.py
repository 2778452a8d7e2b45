"""RFC 6238 appendix B and RFC 4226 appendix D, to the digit; what counts, and that it counts once."""

from base64 import b32decode
from urllib.parse import parse_qs, urlsplit

import pytest

from voip_sms.wire.totp import PERIOD, code, matching_step, otpauth, secret_text, step_at

SECRET = b"12345678901234567890"
NOW = 1_111_111_109


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (59, "94287082"),
        (1_111_111_109, "07081804"),
        (1_111_111_111, "14050471"),
        (1_234_567_890, "89005924"),
        (2_000_000_000, "69279037"),
        (20_000_000_000, "65353130"),
    ],
)
def test_the_vectors_of_rfc_6238(seconds: int, shown: str) -> None:
    assert code(SECRET, step_at(seconds), 8) == shown
    assert code(SECRET, step_at(seconds)) == shown[-6:]


def test_the_vectors_of_rfc_4226() -> None:
    shown = [755224, 287082, 359152, 969429, 338314, 254676, 287922, 162583, 399871, 520489]
    assert [int(code(SECRET, counter)) for counter in range(10)] == shown


@pytest.mark.parametrize("off", [-1, 0, 1])
def test_a_clock_may_be_a_step_off(off: int) -> None:
    step = step_at(NOW) + off
    assert matching_step(SECRET, code(SECRET, step), NOW, -1) == step


@pytest.mark.parametrize("off", [-2, 2])
def test_and_no_more(off: int) -> None:
    assert matching_step(SECRET, code(SECRET, step_at(NOW) + off), NOW, -1) is None


def test_a_step_counts_once_and_none_before_it_afterwards() -> None:
    step = step_at(NOW)
    assert matching_step(SECRET, code(SECRET, step), NOW, step) is None
    assert matching_step(SECRET, code(SECRET, step - 1), NOW, step) is None
    assert matching_step(SECRET, code(SECRET, step + 1), NOW, step) == step + 1
    assert matching_step(SECRET, code(SECRET, step), NOW + PERIOD, step - 1) == step


@pytest.mark.parametrize("said", ["", "12345", "1234567", "abcdef", "٠٨١٨٠٤", "081804 "])
def test_what_is_no_code(said: str) -> None:
    assert matching_step(SECRET, said, NOW, -1) is None


def test_the_first_steps_of_the_epoch() -> None:
    assert matching_step(SECRET, code(SECRET, 0), 0, -1) == 0


def test_the_url_that_a_program_reads() -> None:
    url = urlsplit(otpauth(SECRET, "Bramka SMS", "ann+sms@example.test"))
    assert (url.scheme, url.netloc, url.path) == (
        "otpauth",
        "totp",
        "/Bramka%20SMS:ann%2Bsms%40example.test",
    )
    asked = parse_qs(url.query)
    assert asked == {"secret": [secret_text(SECRET)], "issuer": ["Bramka SMS"]}
    assert b32decode(asked["secret"][0]) == SECRET
    assert "+" not in url.query
