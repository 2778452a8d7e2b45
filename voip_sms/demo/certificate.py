"""A certificate of the demo's own for SIP over TLS, made when it is needed."""

import asyncio
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

NAMES: Final = "subjectAltName=DNS:localhost,DNS:sms.test,IP:127.0.0.1"
WITHIN: Final = 10.0
"""Seconds: a key on an elliptic curve takes a few milliseconds."""
WHY_NOT: Final = "no openssl on this machine to make a certificate with: apt-get install openssl"


@dataclass(frozen=True, slots=True)
class Certificate:
    """PEM files. It vouches for itself: who trusts `chain` trusts the service."""

    chain: Path
    key: Path

    @classmethod
    async def make(cls, folder: Path) -> Self | None:
        """One for loopback, good for two days; None where openssl is missing."""
        program = shutil.which("openssl")
        if program is None:
            return None
        made = cls(folder / "sip.pem", folder / "sip.key")
        process = await asyncio.create_subprocess_exec(
            *(program, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-days", "2", "-subj", "/CN=voip-sms demo", "-addext", NAMES),
            *("-keyout", str(made.key), "-out", str(made.chain)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(WITHIN):
            _, complaint = await process.communicate()
        if process.returncode:
            raise RuntimeError(f"openssl: {complaint.decode(errors='replace')[-300:]}")
        made.key.chmod(0o600)
        return made
