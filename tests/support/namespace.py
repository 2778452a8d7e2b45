"""Another host, as a network namespace of this one: sockets there, and a cable that can be pulled. Needs root."""

import ctypes
import os
import random
import shutil
import socket
import subprocess
import threading
from pathlib import Path
from typing import Self

import pytest

_CLONE_NEWNET = 0x40000000


class Elsewhere:
    """`with Elsewhere() as there`; `there.here` is our address as seen from it."""

    def __init__(self) -> None:
        number = random.randrange(1, 250)  # several runs on one machine
        self._name = f"voipsms{os.getpid()}"
        self._ours, self._theirs = f"vsa{number}", f"vsb{number}"
        self.here, self.there = f"10.213.{number}.1", f"10.213.{number}.2"

    def __enter__(self) -> Self:
        if os.geteuid() != 0 or shutil.which("ip") is None:
            pytest.skip("network namespaces need root and the command ip")
        try:
            _ip("netns", "add", self._name)
        except subprocess.CalledProcessError as error:
            pytest.skip(f"no network namespaces here: {error.stderr}")
        try:
            _ip("link", "add", self._ours, "type", "veth", "peer", "name", self._theirs, "netns", self._name)
            _ip("addr", "add", f"{self.here}/30", "dev", self._ours)
            _ip("link", "set", self._ours, "up")
            self._there("addr", "add", f"{self.there}/30", "dev", self._theirs)
            self._there("link", "set", self._theirs, "up")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        _ip("netns", "del", self._name)

    def pull(self) -> None:
        """Nothing goes through from now on, and nobody is told."""
        self._there("link", "set", self._theirs, "down")

    def connect(self, port: int) -> socket.socket:
        """A TCP connection from there to us."""
        made: list[socket.socket] = []

        def enter() -> None:
            libc = ctypes.CDLL(None, use_errno=True)
            with Path(f"/run/netns/{self._name}").open("rb") as namespace:
                if libc.setns(namespace.fileno(), _CLONE_NEWNET) != 0:
                    return
            made.append(socket.create_connection((self.here, port), 5))

        thread = threading.Thread(target=enter)  # it alone is there, and ends
        thread.start()
        thread.join()
        assert made, "no connection from the namespace"
        return made[0]

    def _there(self, *words: str) -> None:
        _ip("-n", self._name, *words)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True, timeout=10)
