"""A real Asterisk on private ports and in a folder of its own, with phones, ARI and a dialplan."""

import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Self

from voip_sms.demo import asterisk_files
from voip_sms.demo.children import dies_with_us, end_blocking
from voip_sms.demo.phone import PhoneAccount
from voip_sms.demo.ports import quiet_port
from voip_sms.demo.programs import find_program, root_of

# It boots in half a second here; this is for a busy two-core machine.
START: Final = 30.0
# A command on its console takes 20 ms; a dialplan reload as much.
COMMAND: Final = 20.0
POLL: Final = 0.05
# Someone else may take a port between our look and its start.
TRIES: Final = 3

ARI_USER: Final = "voip-sms"
ARI_PASSWORD: Final = "ari-secret"


class AsteriskFailedError(Exception):
    """It is not here, or did not come up; the text holds the end of its log."""


class Asterisk:
    """One Asterisk with phones that register (password `pw` and the user), all on 127.0.0.1.

    The calls block: they are made outside of an event loop, or last milliseconds. The process dies with the
    thread that starts it.
    """

    def __init__(
        self,
        dialplan: str,
        phones: Sequence[str] = ("101", "102", "103"),
        files: Mapping[str, str] | None = None,
    ) -> None:
        """`dialplan` is extensions.conf: a phone's calls come into [phones], its texts into [messages].

        `files`: further files of /etc/asterisk, or others in the place of ours.
        """
        program = find_program("asterisk", apart="asterisk")
        if program is None:
            raise AsteriskFailedError("no asterisk (22 or newer): tools/pbx.sh fetches one")
        self._program = program
        self._phones = tuple(phones)
        self._files = {"extensions.conf": dialplan, **(files or {})}
        self._process: subprocess.Popen[bytes] | None = None
        # Short, whatever the folder of the tests is called: a socket's path has 108 octets at most.
        self.folder = Path(tempfile.mkdtemp(prefix="voip-sms-asterisk-"))
        self.sip_port = self.http_port = 0

    @staticmethod
    def available() -> bool:
        return find_program("asterisk", apart="asterisk") is not None

    @property
    def ari_url(self) -> str:
        """Of its HTTP server, without `/ari`; user and password are ARI_USER and ARI_PASSWORD."""
        return f"http://127.0.0.1:{self.http_port}"

    @property
    def sounds(self) -> Path:
        """Where `sound:NAME` is looked for first: NAME.wav, 8 kHz, mono, 16 bits."""
        return self.folder / "data" / "sounds" / "en"

    @property
    def pid(self) -> int:
        assert self._process is not None, "start it first"
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def account(self, user: str, transport: str = "udp") -> PhoneAccount:
        """What a phone of this user must know."""
        return PhoneAccount(user, f"pw{user}", "127.0.0.1", "127.0.0.1", self.sip_port, transport)

    def start(self) -> Self:
        """Start it and wait until it is fully booted; AsteriskFailedError with its log if it never is."""
        for _ in range(TRIES):
            self.sip_port, self.http_port = quiet_port(), quiet_port()
            if self._launch():
                return self
        log = self.log_text()[-3000:]
        self.stop()
        raise AsteriskFailedError(f"Asterisk did not start:\n{log}")

    def start_again(self) -> None:
        """Come back on the same ports, after `end` or `kill`: registrations of phones are remembered."""
        if not self._launch():
            raise AsteriskFailedError(f"Asterisk did not come back:\n{self.log_text()[-3000:]}")

    def end(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End the process by its own pid and keep its folder."""
        process, self._process = self._process, None
        if process is not None:
            end_blocking(process, number)

    def kill(self) -> None:
        """Let it die in the middle of whatever it does."""
        self.end(signal.SIGKILL)

    def stop(self) -> None:
        """End it and remove its folder: nothing is left to save, and an orderly end takes it seconds."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def cli(self, command: str) -> str:
        """What a command on its console prints, such as `core show channels count`."""
        done = subprocess.run(
            [self._program, "-C", str(self._etc / "asterisk.conf"), "-rx", command],
            capture_output=True, timeout=COMMAND, check=False,
        )  # fmt: skip
        return done.stdout.decode(errors="replace")

    def write(self, name: str, text: str) -> None:
        """Put a file into its etc (a name below it) and let it read the dialplan anew."""
        (self._etc / name).write_text(text, encoding="utf-8")
        self.cli("dialplan reload")

    def log_text(self) -> str:
        """Everything it printed, at verbosity 3: each step of the dialplan among it."""
        log = self.folder / "console"
        return log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""

    @property
    def _etc(self) -> Path:
        return self.folder / "etc"

    def _launch(self) -> bool:
        self._lay_out()
        with (self.folder / "console").open("ab") as log:
            self._process = subprocess.Popen(
                [*dies_with_us(), self._program, "-C", str(self._etc / "asterisk.conf"), "-f", "-n", "-vvv"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        end = time.monotonic() + START
        while self.running and time.monotonic() < end:
            if "fully booted" in self.cli("core waitfullybooted") and self._listens():
                return True
            time.sleep(POLL)
        self.end()
        return False

    def _listens(self) -> bool:
        """Whether both doors are its own: a port that someone else took leaves it running without."""
        sip, http = self.cli("pjsip show transports"), self.cli("http show status")
        return f":{self.sip_port}" in sip and f":{self.http_port}" in http

    def _lay_out(self) -> None:
        places = asterisk_files.Places(self.folder, root_of(self._program))
        places.make()
        ours = asterisk_files.settings(
            places, sip_port=self.sip_port, http_port=self.http_port, phones=self._phones,
            ari=(ARI_USER, ARI_PASSWORD),
        )  # fmt: skip
        for name, text in {**ours, **self._files}.items():
            (self._etc / name).write_text(text, encoding="utf-8")
