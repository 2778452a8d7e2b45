"""The key that signs mails: taken from its file, and what is said of one that can't be used."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from voip_sms.app.signing import mail_signer
from voip_sms.doors.mail.settings import MailSettings
from voip_sms.net.tls import TlsFileError

MAIL = b"From: 48601123456@sms.test\r\nTo: a@b.test\r\nSubject: x\r\n\r\nhi\r\n"


def settings(path: Path | str) -> MailSettings:
    return MailSettings(domain="sms.test", dkim_selector="sms1", dkim_key=str(path))


def pem(bits: int) -> bytes:
    return rsa.generate_private_key(65537, bits).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "dkim.pem"
    path.write_bytes(pem(2048))
    path.chmod(0o600)
    return path


def test_mails_are_signed_for_our_domain(key: Path) -> None:
    sign = mail_signer(settings(key))
    assert sign is not None
    signed = sign(MAIL)
    assert signed.endswith(MAIL)
    head = b"".join(signed.partition(MAIL)[0].split())
    assert head.startswith(b"DKIM-Signature:")
    assert b"d=sms.test;" in head
    assert b"s=sms1;" in head


def test_without_a_key_they_are_not() -> None:
    assert mail_signer(MailSettings()) is None


def test_a_key_that_everybody_reads_is_refused(key: Path) -> None:
    key.chmod(0o644)
    with pytest.raises(TlsFileError, match=r"dkim_key: .*chmod 600") as refused:
        mail_signer(settings(key))
    assert refused.value.section == "mail"


@pytest.mark.parametrize("octets", [b"", b"no key", pem(1024)], ids=["empty", "junk", "short"])
def test_a_file_that_is_no_such_key(key: Path, octets: bytes) -> None:
    key.write_bytes(octets)
    with pytest.raises(TlsFileError, match="dkim_key"):
        mail_signer(settings(key))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(TlsFileError, match="check path and rights"):
        mail_signer(settings(tmp_path / "none"))
