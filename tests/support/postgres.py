"""A PostgreSQL server of our own: a private folder and port, gone at the end without a trace."""

import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg

from support import peers
from support.memory import DISK, MEMORY, memory
from voip_sms.demo.children import dies_with_us, end_blocking
from voip_sms.demo.ports import kept_port

USER = "voip_sms"
# initdb takes 2 s and a start less than one here; this is for a busy two-core machine.
START = 30.0
# A fast shutdown cuts the clients and writes a checkpoint; then it is ended by force.
STOP = 15.0
# Between looks whether the server answers yet.
POLL = 0.05
PREFIX = "voip-sms-pg-"
# Someone else may take the port between our look and the server's start.
PORT_TRIES = 3


class PostgresServer:
    """One server process. `fresh_database` hands out empty (or copied) databases."""

    def __init__(self, *, durable: bool = False) -> None:
        folder = peers.postgres_folder()
        if folder is None:
            peers.missing("postgresql", "apt-get install postgresql")
        self._programs = folder
        self._durable = durable
        _sweep()
        # A database is some 300 files, which take a disk 0.3 s and memory 0.02 s.
        place = DISK if durable else memory()
        self._folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=place))
        self._log = self._folder / "log"
        # The server refuses to run as root: then it runs as the user that Debian's package made.
        root = os.geteuid() == 0
        self._as_user: dict[str, Any] = (
            {"user": "postgres", "group": "postgres", "extra_groups": []} if root else {}
        )
        self._process: subprocess.Popen[bytes] | None = None
        self._names = itertools.count(1)
        self.port = 0

    def start(self) -> "PostgresServer":
        """Make the cluster and start the server; RuntimeError with its log when it does not answer."""
        if self._as_user:
            shutil.chown(self._folder, "postgres", "postgres")
        self._run("initdb", "-D", str(self._folder / "data"), "-U", USER, "--auth=trust", "--no-sync",
                  "--encoding=UTF8", "--locale=C.UTF-8")  # fmt: skip
        for _ in range(PORT_TRIES):
            if self._launch():
                return self
        log = self._log.read_text(errors="replace")[-2000:]
        self.stop()
        raise RuntimeError(f"PostgreSQL did not start:\n{log}")

    def stop(self) -> None:
        """End the server by its own pid and remove its folder."""
        self.end_process(signal.SIGINT)
        shutil.rmtree(self._folder, ignore_errors=True)

    def end_process(self, number: signal.Signals = signal.SIGQUIT) -> None:
        """End the process and keep the data: an outage. SIGINT closes orderly, SIGQUIT is a crash."""
        process, self._process = self._process, None
        if process is not None:
            end_blocking(process, number, STOP)

    def start_again(self) -> None:
        """Come back on the same port with the same data, after `end_process`."""
        if not self._launch(self.port):
            raise RuntimeError(
                "PostgreSQL did not come back:\n" + self._log.read_text(errors="replace")[-2000:]
            )

    @property
    def pid(self) -> int:
        """Of the server; its workers are its children."""
        assert self._process is not None, "start it first"
        return self._process.pid

    def url(self, database: str) -> str:
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{database}"

    def fresh_database(self, template: str = "template1") -> str:
        """Make a database, empty or a copy of `template` (to which nobody may be connected); its URL."""
        name = f"test_{next(self._names)}"
        self._execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return self.url(name)

    def drop(self, url: str) -> None:
        """Remove a database of ours, cutting whoever is still connected."""
        self._execute(f'DROP DATABASE IF EXISTS "{url.rpartition("/")[2]}" WITH (FORCE)')

    def _launch(self, port: int = 0) -> bool:
        self.port = port or kept_port()
        options = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": str(self._folder),
            "max_connections": "100",
            "timezone": "UTC",
            # Tests kill our processes, never the machine: what the kernel holds is safe enough.
            "fsync": "on" if self._durable else "off",
            "max_wal_size": "256MB",
        }
        settings = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*dies_with_us("INT"), str(self._programs / "postgres"), "-D", str(self._folder / "data"),
                 "-p", str(self.port), *settings],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self._folder, **self._as_user,
            )  # fmt: skip
        return self._answers()

    def _answers(self) -> bool:
        assert self._process is not None
        until = time.monotonic() + START
        while time.monotonic() < until and self._process.poll() is None:
            with suppress(psycopg.OperationalError):
                self._execute("SELECT 1")
                return True
            time.sleep(POLL)
        self.end_process()
        return False

    def _execute(self, statement: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True, connect_timeout=5) as connection:
            connection.execute(statement.encode())

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(self._programs / program), *arguments],
            cwd=self._folder, capture_output=True, text=True, timeout=START, check=False, **self._as_user,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"{program} failed: {done.stderr}")


def _sweep() -> None:
    """Runs that were killed left their folders; memory is dear."""
    for folder in MEMORY.glob(f"{PREFIX}*-*"):
        owner = folder.name.removeprefix(PREFIX).partition("-")[0]
        if owner.isdecimal() and not Path("/proc", owner).exists():
            shutil.rmtree(folder, ignore_errors=True)
