"""The data folder: private to the service's user, and served by one process at a time."""

import fcntl
import os
import stat
from pathlib import Path
from types import TracebackType
from typing import Self

from voip_sms.store.errors import FolderLockedError, FolderUnsafeError

LOCK_NAME = "serve.lock"
PRIVATE = 0o700


def make_private(folder: Path) -> None:
    """Make the folder, for its owner alone; FolderUnsafeError when it exists and isn't ours to close."""
    try:
        folder.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
        found = folder.stat()
    except OSError as error:
        raise FolderUnsafeError(
            f"{folder}: can't be made ({error.strerror}); choose another data_dir"
        ) from error
    if not stat.S_IMODE(found.st_mode) & 0o077:
        return
    # A shared folder such as /tmp must never be closed to its other users by us.
    if found.st_uid != os.geteuid() or found.st_mode & stat.S_ISVTX:
        raise FolderUnsafeError(f"{folder}: others can read it and it isn't ours; choose another data_dir")
    folder.chmod(PRIVATE)


class FolderLock:
    """An advisory lock that ends with the process, however it ends (flock: the kernel drops it)."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    def release(self) -> None:
        """Let another process serve from here. The file stays: removing it would race with the next lock."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def lock_folder(folder: Path) -> FolderLock:
    """Claim the folder for this process, or FolderLockedError naming who holds it."""
    path = folder / LOCK_NAME
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        holder = os.pread(descriptor, 20, 0).decode(errors="replace").strip() or "unknown"
        os.close(descriptor)
        raise FolderLockedError(
            f"{folder}: another process (pid {holder}) serves from this folder; stop it first"
        ) from error
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    return FolderLock(descriptor)
