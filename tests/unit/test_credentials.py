"""Settings from files named section.key: what is one, what is somebody else's, what can't be read."""

import pytest

from voip_sms.app.credentials import LARGEST, CredentialError, read

SECTIONS = ("database", "sip", "mail")


def found(folder):
    return read({"CREDENTIALS_DIRECTORY": str(folder)}, SECTIONS)


def test_a_file_is_a_key_without_the_white_space_around(tmp_path):
    (tmp_path / "database.url").write_text("postgresql://u:p@h/d\n")
    (tmp_path / "sip.digest").write_text('["MD5"]')
    (tmp_path / "sip.udp").write_text("[::1]:5060")
    assert found(tmp_path) == {
        "database": {"url": "postgresql://u:p@h/d"},
        "sip": {"digest": ["MD5"], "udp": "[::1]:5060"},
    }


def test_what_is_somebody_elses(tmp_path):
    for name in ("tls.key", "database", "sip.", "sip.tls.key", ".sip", "license.txt"):
        (tmp_path / name).write_text("x")
    (tmp_path / "mail.d").mkdir()
    assert found(tmp_path) == {}


def test_no_folder_no_credentials(tmp_path):
    assert read({}, SECTIONS) == {}
    assert found(tmp_path / "away") == {}


@pytest.mark.parametrize("octets", [b"\xff\xfe", b"x" * (LARGEST + 1)])
def test_what_can_not_be_read_is_named(tmp_path, octets):
    (tmp_path / "database.url").write_bytes(octets)
    with pytest.raises(CredentialError, match=r"^credential database\.url: "):
        found(tmp_path)
