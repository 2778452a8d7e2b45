"""Passwords as they are kept: argon2id, salted; what was scrypt before is proven still."""

import hashlib
from random import Random

import pytest

from voip_sms.engine.accounts.sealing import proves, sealed


def test_it_says_how_it_was_made_and_proves_its_password_alone() -> None:
    chance = Random(1).randbytes
    kept = sealed("zażółć gęślą", chance)
    assert kept.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert proves("zażółć gęślą", kept)
    assert not proves("zażółć gęśla", kept)
    assert sealed("zażółć gęślą", chance) != kept


def test_scrypt_from_before() -> None:
    made = hashlib.scrypt(b"s3cret", salt=bytes(16), n=2**14, r=8, p=1, maxmem=2**26, dklen=32)
    kept = f"scrypt$16384${bytes(16).hex()}${made.hex()}"
    assert proves("s3cret", kept)
    assert not proves("secret", kept)


@pytest.mark.parametrize(
    "kept", ["", "x", "$argon2id$", "$argon2i$v=19$m=8,t=1,p=1$eA$eA", "scrypt$x$y$z", "scrypt$1$00$00"]
)
def test_what_cannot_be_read_proves_nothing(kept: str) -> None:
    assert not proves("s3cret", kept)


def test_what_is_no_unicode_proves_nothing() -> None:
    assert not proves("\ud800", sealed("s3cret", Random(1).randbytes))
