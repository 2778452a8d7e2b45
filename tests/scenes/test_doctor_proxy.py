"""doctor looks at the SIP proxy in front, where somebody's phones are behind one."""

import socket
from dataclasses import replace
from pathlib import Path

import pytest

from support.sip_engine import sip_account
from voip_sms.app.doctor import proxy
from voip_sms.app.subscribers import Subscribers
from voip_sms.core.directory import Directory, Tenant
from voip_sms.demo.ports import quiet_port
from voip_sms.doors.sip.settings import SipSettings

BEHIND = Directory(
    tenants={b"T" * 16: Tenant(b"T" * 16, "acme", "std")},
    sip={"101": replace(sip_account("101", "pw101"), via="proxy"), "102": sip_account("102", "pw102")},
)


def found(directory: Directory, **settings: object) -> dict[str, tuple[str, str]]:
    look = proxy.look(SipSettings.model_validate(settings), directory)
    return {one.name: (one.state, one.found) for one in look}


def test_nobody_is_behind_one() -> None:
    assert found(Directory()) == {}


def test_nothing_is_set_up_for_who_is_behind_one() -> None:
    assert found(BEHIND) == {
        "sip.outbound": ("fail", "none, and 1 accounts are `via: proxy`"),
        "sip.trusted_peers": ("warn", "none"),
    }


def test_it_is_there_or_not() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        there = f"127.0.0.1:{server.getsockname()[1]};transport=tcp"
        said = found(BEHIND, outbound=there, trusted_peers=["127.0.0.1"])
        assert said == {"sip.outbound": ("ok", f"{there} takes connections")}
    gone = f"127.0.0.1:{quiet_port()};transport=tcp"
    assert found(BEHIND, outbound=gone)["sip.outbound"] == ("fail", f"{gone}: Connection refused")
    assert found(BEHIND, outbound="127.0.0.1:5080")["sip.outbound"][0] == "warn"


OTHER_PASSWORD = replace(BEHIND, sip={"101": replace(sip_account("101", "before"), via="proxy")})


@pytest.mark.parametrize(
    ("written", "state"),
    [(None, "warn"), (Directory(), "warn"), (OTHER_PASSWORD, "warn"), (BEHIND, "ok")],
    ids=["none", "old", "password", "new"],
)
def test_the_file_of_users(tmp_path: Path, written: Directory | None, state: str) -> None:
    file = tmp_path / "subscriber"
    if written is not None:
        Subscribers(file).keep(written)
    assert found(BEHIND, subscribers=str(file))["sip.subscribers"][0] == state


def test_accounts_of_a_customer_who_is_off_are_not_missed_in_the_file(tmp_path: Path) -> None:
    off = replace(BEHIND, tenants={b"T" * 16: Tenant(b"T" * 16, "acme", "std", enabled=False)})
    file = tmp_path / "subscriber"
    Subscribers(file).keep(off)
    assert found(off, subscribers=str(file))["sip.subscribers"] == ("ok", f"accounts in {file}: 0")
