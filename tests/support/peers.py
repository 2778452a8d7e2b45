"""The rule for components from outside: missing is a loud skip for a user and a failure in CI."""

import importlib.util
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

from voip_sms.demo.programs import find_program

# Debian keeps servers where a user's path does not look.
SERVER_FOLDERS = "/usr/sbin:/sbin"


def required() -> bool:
    """Whether a missing peer is a failure: when CI runs us, or somebody asks for it."""
    return os.environ.get("VOIP_SMS_REQUIRE_PEERS") == "1" or os.environ.get("CI") == "true"


def missing(name: str, hint: str) -> NoReturn:
    """Skip the running test, or fail it where peers are required."""
    text = f"peer {name} is missing: {hint}"
    if required():
        pytest.fail(text, pytrace=False)
    pytest.skip(text)


def find_command(name: str) -> str | None:
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:{SERVER_FOLDERS}")


def postgres_folder() -> Path | None:
    """The programs of the newest PostgreSQL that Debian has installed; they are not on the path."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=_major)
    return folders[-1].parent if folders else None


def _major(initdb: Path) -> int:
    name = initdb.parent.parent.name
    return int(name) if name.isdecimal() else 0


def _by_command(name: str) -> Callable[[], bool]:
    return lambda: find_command(name) is not None


def _by_module(name: str) -> Callable[[], bool]:
    return lambda: importlib.util.find_spec(name) is not None


def _found_apart(name: str, apart: str) -> Callable[[], bool]:
    return lambda: find_program(name, apart=apart) is not None


# name -> (whether it is here, how to get it)
PEERS: dict[str, tuple[Callable[[], bool], str]] = {
    "postgresql": (lambda: postgres_folder() is not None, "apt-get install postgresql"),
    "sipp": (_by_command("sipp"), "apt-get install sip-tester"),
    "pjsua2": (_by_module("pjsua2"), "pip install pjsua2-python (CPython 3.11 or 3.12 on x86-64)"),
    "smpplib": (_by_module("smpplib"), "make setup-dev"),
    "smpp34": (_by_module("smpp34"), "make setup-dev"),
    "chromium": (_by_command("chromium"), "apt-get install chromium"),
    "baresip": (_by_command("baresip"), "apt-get install baresip-core"),
    "linphone": (_by_command("linphone-daemon"), "apt-get install linphone-cli"),
    "systemd": (_by_command("systemd-analyze"), "apt-get install systemd (250 or newer)"),
    "php": (_by_command("php"), "apt-get install php-cli"),
    "kannel": (_by_command("bearerbox"), "apt-get install kannel"),
    "postfix": (_by_command("postfix"), "apt-get install postfix"),
    "swaks": (_by_command("swaks"), "apt-get install swaks"),
    "dovecot": (_by_command("dovecot"), "apt-get install dovecot-imapd"),
    "asterisk": (_found_apart("asterisk", "asterisk"), "tools/pbx.sh"),
    "espeak-ng": (_found_apart("espeak-ng", "asterisk"), "tools/pbx.sh"),
    "sox": (_found_apart("sox", "asterisk"), "tools/pbx.sh"),
    "kamailio": (_found_apart("kamailio", "kamailio"), "tools/pbx.sh"),
}


def need(name: str) -> None:
    """Go on when the peer is here; otherwise `missing`. An unknown name is a mistake in the test."""
    present, hint = PEERS[name]
    if not present():
        missing(name, hint)
