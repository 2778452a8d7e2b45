"""The table of who may register at a Kamailio in front: who stands in it, and how the file is replaced."""

from dataclasses import replace
from pathlib import Path

import pytest

from support.sip_engine import sip_account
from voip_sms.app.subscribers import Subscribers, table
from voip_sms.core.directory import Directory, SipAccount, Tenant
from voip_sms.wire.sip.digest import Algorithm, ha1

TENANT = Tenant(b"T" * 16, "acme", "std")


def directory(*accounts: SipAccount, tenant: Tenant = TENANT) -> Directory:
    return Directory(tenants={tenant.id: tenant}, sip={one.account.name: one for one in accounts})


def at_proxy(user: str) -> SipAccount:
    return replace(sip_account(user, f"pw{user}"), via="proxy")


def line(user: str) -> str:
    return f"{user}:{ha1(Algorithm.MD5, user, 'sms.test', f'pw{user}')}"


def test_accounts_at_the_proxy_by_user() -> None:
    known = directory(at_proxy("b.2"), at_proxy("101"), sip_account("102", "pw102"))
    assert table(known).splitlines() == ["username(string) ha1(string)", line("101"), line("b.2")]


def test_who_is_off_or_has_no_password_is_left_out() -> None:
    one = at_proxy("101")
    off = replace(one, account=replace(one.account, enabled=False))
    assert table(directory(off)).count("\n") == 1
    assert table(directory(one, tenant=replace(TENANT, enabled=False))).count("\n") == 1
    assert table(directory(replace(one, ha1={}))).count("\n") == 1


def test_every_change_is_seen_by_whoever_compares_whole_seconds(tmp_path: Path) -> None:
    file = tmp_path / "subscriber"
    subscribers = Subscribers(file, lambda: 1_000_000_000.9)
    times = []
    for accounts in ([at_proxy("101")], [], [at_proxy("102")], [at_proxy("102")]):
        subscribers.keep(directory(*accounts))
        times.append(int(file.stat().st_mtime))
        assert file.read_text() == table(directory(*accounts))
        assert file.stat().st_mode & 0o777 == 0o640
    assert times == [1_000_000_000, 1_000_000_001, 1_000_000_002, 1_000_000_002], "the last one is the same"
    assert [one.name for one in tmp_path.iterdir()] == ["subscriber"]


def test_a_file_that_cannot_be_written_ends_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Subscribers(tmp_path / "missing" / "subscriber").keep(directory(at_proxy("101")))
    assert "sip_subscribers_not_written" in capsys.readouterr().out


def test_what_somebody_else_wrote_there_is_replaced(tmp_path: Path) -> None:
    file = tmp_path / "subscriber"
    file.write_bytes(b"\xff")
    Subscribers(file).keep(directory(at_proxy("101")))
    assert file.read_text() == table(directory(at_proxy("101")))
