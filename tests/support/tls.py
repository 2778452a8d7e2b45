"""A certificate authority for tests, files of certificates by it, and a SIP peer that speaks TLS."""

import asyncio
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import trustme

from support.sip_raw import RawTcp


@dataclass(frozen=True, slots=True)
class Certified:
    """Files of one server: its chain, its key, and the authority that vouches for it."""

    cert: Path
    key: Path
    ca: Path

    def settings(self) -> dict[str, str]:
        """For `[sip]`."""
        return {"tls_cert": str(self.cert), "tls_key": str(self.key), "tls_ca": str(self.ca)}


class Authority:
    """`issue` certificates into a folder; renewing writes over the same files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ca = trustme.CA()
        self.file = folder / "ca.pem"
        self._ca.cert_pem.write_to_path(str(self.file))

    def issue(self, name: str = "server", *hosts: str) -> Certified:
        """A certificate for `hosts`, else for all that loopback is called and `sms.test`."""
        made = self._ca.issue_cert(*(hosts or ("127.0.0.1", "::1", "localhost", "sms.test")))
        cert, key = self._folder / f"{name}.pem", self._folder / f"{name}.key"
        key.touch(mode=0o600)
        key.write_bytes(made.private_key_pem.bytes())
        cert.write_bytes(b"".join(blob.bytes() for blob in made.cert_chain_pems))
        return Certified(cert, key, self.file)

    def client(self) -> ssl.SSLContext:
        """What a phone that trusts this authority uses."""
        return ssl.create_default_context(cafile=str(self.file))


class RawTls(RawTcp):
    """`async with RawTls(host, port, authority.client()) as peer`."""

    transport = "TLS"

    def __init__(self, host: str, port: int, context: ssl.SSLContext, name: str = "sms.test") -> None:
        super().__init__(host, port)
        self._context, self._name = context, name

    async def __aenter__(self) -> Self:
        self.reader, self.writer = await asyncio.open_connection(
            *self._to, ssl=self._context, server_hostname=self._name
        )
        self.address = self.writer.get_extra_info("sockname")
        return self

    @property
    def certificate(self) -> bytes:
        """What the other side showed (DER)."""
        found = self.writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        assert isinstance(found, bytes)
        return found
