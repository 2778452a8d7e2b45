"""What doctor says of certificates: expired, early, for another host, with another key, open to everybody."""

import ssl
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme

from voip_sms.app.doctor.certificates import Pair, look

AUTHORITY = trustme.CA()
HOST = "sms.example.com"


def pair(folder: Path, *hosts: str, name: str = "own", days: float = 90, begins: float = -1) -> Pair:
    now = datetime.now(UTC)
    made = AUTHORITY.issue_cert(
        *(hosts or (HOST,)), not_before=now + timedelta(begins), not_after=now + timedelta(days)
    )
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    key.touch(mode=0o600)
    key.write_bytes(made.private_key_pem.bytes())
    certificate.write_bytes(b"".join(blob.bytes() for blob in made.cert_chain_pems))
    return Pair("sip", str(certificate), str(key), HOST)


def findings(one: Pair, now: float | None = None):
    found = list(look(one, time.time() if now is None else now))
    assert all(finding.advice for finding in found if finding.state == "fail")
    return {finding.name: finding for finding in found}


def test_a_good_one_of_a_private_authority(tmp_path):
    found = findings(pair(tmp_path))
    assert {name: one.state for name, one in found.items()} == {
        "sip.tls_key": "ok",
        "sip.tls_cert": "ok",
        "sip.tls_host": "ok",
        "sip.tls_chain": "warn",
    }
    assert found["sip.tls_cert"].found.startswith("89 days left, until 20")
    assert "private authority" in found["sip.tls_chain"].advice


def test_one_that_this_system_trusts(tmp_path, monkeypatch):
    authority = tmp_path / "authority.pem"
    AUTHORITY.cert_pem.write_to_path(str(authority))
    plain = ssl.create_default_context
    monkeypatch.setattr(ssl, "create_default_context", lambda: plain(cafile=str(authority)))
    assert findings(pair(tmp_path))["sip.tls_chain"].state == "ok"


@pytest.mark.parametrize(
    ("days", "begins", "state", "says"),
    [
        (-1, -30, "fail", "expired on"),
        (5, -85, "warn", "days left"),
        (90, 1, "fail", "not valid before"),
        (22, -68, "ok", "21 days left"),
    ],
)
def test_dates(tmp_path, days, begins, state, says):
    found = findings(pair(tmp_path, days=days, begins=begins))["sip.tls_cert"]
    assert found.state == state
    assert says in found.found


def test_it_ends_while_nobody_looks(tmp_path):
    one = pair(tmp_path, days=30)
    states = [findings(one, time.time() + 86_400 * days)["sip.tls_cert"].state for days in (0, 10, 29, 31)]
    assert states == ["ok", "warn", "warn", "fail"]


@pytest.mark.parametrize(
    ("hosts", "state"),
    [
        (["*.example.com"], "ok"),
        (["www.example.com"], "warn"),
        (["example.com"], "warn"),
        (["127.0.0.1"], "warn"),
    ],
)
def test_the_host(tmp_path, hosts, state):
    found = findings(pair(tmp_path, *hosts))["sip.tls_host"]
    assert found.state == state
    assert HOST in found.found


def test_an_address_as_host(tmp_path):
    one = pair(tmp_path, "127.0.0.1")
    assert findings(Pair("sip", one.certificate, one.key, "127.0.0.1"))["sip.tls_host"].state == "ok"
    assert findings(Pair("sip", one.certificate, one.key, "127.0.0.2"))["sip.tls_host"].state == "warn"


def test_another_key(tmp_path):
    own, other = pair(tmp_path), pair(tmp_path, name="other")
    found = findings(Pair("sip", own.certificate, other.key, HOST))
    assert found["sip.tls_cert"].state == "fail"
    assert found["sip.tls_cert"].found == f"{other.key} is not its key"


def test_files_that_are_none(tmp_path):
    own = pair(tmp_path)
    (tmp_path / "text").write_text("hello")
    assert "No such file" in findings(Pair("mail", str(tmp_path / "x"), own.key, HOST))["mail.tls_cert"].found
    assert findings(Pair("mail", own.certificate, "", HOST))["mail.tls_key"].found == "not set"
    assert findings(Pair("sip", str(tmp_path / "text"), own.key, HOST))["sip.tls_cert"].state == "fail"
    assert (
        findings(Pair("sip", own.certificate, str(tmp_path / "text"), HOST))["sip.tls_cert"].state == "fail"
    )


def test_a_key_with_a_passphrase_asks_nobody(tmp_path):
    """OpenSSL would ask on the terminal, and wait."""
    own = pair(tmp_path)
    locked = tmp_path / "locked.key"
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - comes with trustme

    key = serialization.load_pem_private_key(Path(own.key).read_bytes(), None)
    form = serialization.PrivateFormat.TraditionalOpenSSL
    locked.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, form, serialization.BestAvailableEncryption(b"hush"))
    )
    locked.chmod(0o600)
    found = findings(Pair("sip", own.certificate, str(locked), HOST))
    assert found["sip.tls_cert"].state == "fail"
    assert "without a passphrase" in found["sip.tls_cert"].advice


def test_a_key_that_everybody_can_read(tmp_path):
    own = pair(tmp_path)
    Path(own.key).chmod(0o644)
    found = findings(own)["sip.tls_key"]
    assert found.state == "fail"
    assert "chmod 640" in found.advice
