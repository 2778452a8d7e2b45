"""Finds a program from outside: the machine's own if it is new enough, or what tools/apart.sh fetched."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

# Debian keeps servers where a user's path does not look.
SERVER_FOLDERS: Final = "/usr/sbin:/sbin"
# program -> how it says its version, and the oldest that we know to work; others do in any version.
NEEDED: Final = {"asterisk": ("-V", 22), "kamailio": ("-v", 5)}
# They answer at once; this is for a busy two-core machine.
ANSWER: Final = 10.0
_MAJOR: Final = re.compile(r"(?:Asterisk|kamailio) (?:[a-z]+[-/])?(\d+)\.")


def find_program(name: str, *, apart: str) -> str | None:
    """Where to run `name` from: the path, if its version will do, else the fetched folder `apart`."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:{SERVER_FOLDERS}")
    if found is not None and _new_enough(name, found):
        return found
    fetched = apart_folder() / apart / "bin" / name
    return str(fetched) if os.access(fetched, os.X_OK) else None


def root_of(program: str) -> Path:
    """The folder below which a found program's own files lie: `/`, or the root of what was fetched."""
    fetched = Path(program).parent.parent / "root"
    return fetched if apart_folder() in fetched.parents else Path("/")


def apart_folder() -> Path:
    """Where tools/apart.sh keeps what it fetched; the environment is read as it does."""
    if chosen := os.environ.get("VOIP_SMS_PEERS"):
        return Path(chosen)
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "voip-sms"


def _new_enough(name: str, program: str) -> bool:
    if name not in NEEDED:
        return True
    flag, least = NEEDED[name]
    try:
        asked = subprocess.run([program, flag], capture_output=True, text=True, timeout=ANSWER, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    version = _MAJOR.search(asked.stdout)
    return version is not None and int(version[1]) >= least
