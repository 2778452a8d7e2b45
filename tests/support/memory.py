"""Where tests keep their files: in memory where there is plenty, for a busy disk can stand still for seconds."""

import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

MEMORY = Path("/dev/shm")
MEMORY_LEAST = 4 * 2**30
"""Octets free: a whole run takes a quarter of it, PostgreSQL's databases included."""
DISK = tempfile.gettempdir()
"""The usual place, for what is to be measured or proved on a disk."""


def memory() -> Path | None:
    """Where files are held in memory, if there is plenty; None for the usual place."""
    with suppress(OSError):
        if shutil.disk_usage(MEMORY).free >= MEMORY_LEAST:
            return MEMORY
    return None


def work_in_memory() -> None:
    """Let everything that makes temporary files, this process and its children, make them there.

    What a user has set (TMPDIR) stays.
    """
    place = memory()
    if place is not None and "TMPDIR" not in os.environ:
        os.environ["TMPDIR"] = tempfile.tempdir = str(place)
