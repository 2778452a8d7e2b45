"""The machine: data folder, configuration file, disk, open files, and whether the clock is kept right."""

import ctypes
import os
import resource
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from voip_sms.app.doctor.findings import Finding

MIB: Final = 2**20
DISK_WARN: Final = 1024 * MIB
DISK_FAIL: Final = 64 * MIB
"""A day of a busy office is some 100 MiB; below the second, SQLite's log alone may not fit."""
OPEN_FILES: Final = 4096
"""2,000 HTTP connections, as many phones on TCP, and the rest."""
_REMOTE: Final = frozenset({"nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs", "ceph", "glusterfs"})
"""File systems on which SQLite's locks and its shared memory are not to be trusted."""
_TIME_ERROR: Final = 5
"""What adjtimex(2) returns while nobody keeps the clock."""
_TIMEX_OCTETS: Final = 512
"""More than twice the size of struct timex on any Linux."""


def folder(data_dir: Path) -> Iterator[Finding]:
    """`data_dir`: ours, private, writable, on a local disk with room."""
    if not data_dir.exists():
        yield Finding("skip", "data_dir", f"{data_dir}: not there yet", "serve or apply makes it")
        return
    if not data_dir.is_dir():
        yield Finding("fail", "data_dir", f"{data_dir}: no folder", "choose another service.data_dir")
    elif not os.access(data_dir, os.W_OK | os.X_OK, effective_ids=True):
        advice = "chown it to the service's user, and run doctor as that user"
        yield Finding("fail", "data_dir", f"{data_dir}: not writable for uid {os.geteuid()}", advice)
    elif data_dir.stat().st_mode & 0o077:
        yield Finding("fail", "data_dir", f"{data_dir}: others can look into it", f"chmod 700 {data_dir}")
    else:
        yield _owned(data_dir)
        yield disk("disk", data_dir)


def _owned(data_dir: Path) -> Finding:
    owner = data_dir.stat().st_uid
    if owner != os.geteuid():
        text = f"{data_dir}: belongs to uid {owner}, and this is uid {os.geteuid()}"
        return Finding(
            "warn", "data_dir", text, "run doctor as the service's user: others may do other things"
        )
    return Finding("ok", "data_dir", str(data_dir))


def disk(name: str, where: Path) -> Finding:
    """Room where `where` is."""
    free = shutil.disk_usage(where).free
    kind = _file_system(where)
    text = f"{free // MIB} MiB free on {kind or 'its disk'}"
    if kind in _REMOTE:
        return Finding(
            "fail", name, text, "SQLite needs a local disk: put data_dir on one, or use PostgreSQL"
        )
    if free < DISK_FAIL:
        return Finding("fail", name, text, "make room: with a full disk every door answers 503")
    if free < DISK_WARN:
        return Finding("warn", name, text, "make room soon")
    return Finding("ok", name, text)


def _file_system(where: Path) -> str:
    """The type of the mount that holds `where`, of /proc/self/mountinfo (proc(5)); '' if that isn't there."""
    try:
        lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    best, kind = "", ""
    for line in lines:
        left, _, right = line.partition(" - ")
        point = left.split()[4]
        if len(point) >= len(best) and where.resolve().is_relative_to(point):
            best, kind = point, right.split()[0]
    return kind


def config_file(path: Path, *, holds_secrets: bool) -> Finding:
    """The settings could be read, or we would not be here; but by whom else?"""
    if holds_secrets and path.stat().st_mode & stat.S_IROTH:
        advice = f"chmod 640 {path}, and its group that of the service"
        return Finding("warn", "config", f"{path} has a password in it, and everybody can read it", advice)
    return Finding("ok", "config", str(path))


def open_files() -> Iterator[Finding]:
    """Every phone on TCP and every program is an open file."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    text = "no limit" if soft == resource.RLIM_INFINITY else f"{soft} at most"
    if soft != resource.RLIM_INFINITY and soft < OPEN_FILES:
        advice = f"LimitNOFILE={OPEN_FILES * 4} in the unit, or ulimit -n (the hard limit is {hard})"
        yield Finding("warn", "open_files", text, advice)
        return
    yield Finding("ok", "open_files", text)


def clock() -> Iterator[Finding]:
    """Whether the kernel's clock is kept by somebody (adjtimex(2)); nobody outside is asked."""
    try:
        state = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_TIMEX_OCTETS))
    except (AttributeError, OSError):
        yield Finding("skip", "clock", "this system can't say whether its clock is kept right")
        return
    if state == _TIME_ERROR:
        advice = (
            "run chrony or systemd-timesyncd: nonces, webhook signatures and times of messages rest on it"
        )
        yield Finding("warn", "clock", "nobody keeps it right", advice)
    elif state < 0:
        yield Finding("skip", "clock", "this process may not ask the kernel about it")
    else:
        yield Finding("ok", "clock", "kept right by NTP")
