"""Random secrets that an installation keeps for good, made when first asked for."""

from collections.abc import Callable
from typing import Final

from sqlalchemy import Connection, select, text

from voip_sms.store.tables import secret

NONCE_KEY: Final = "sip.nonce"
"""Signs digest nonces: shared by all nodes, so that any of them may check what another one handed out."""
OCTETS: Final = 32
"""As long as the SHA-256 that it keys (RFC 2104 section 3)."""

# Both databases speak it; the other node's value wins when two start at once.
_INSERT = text("INSERT INTO secret (name, value) VALUES (:name, :value) ON CONFLICT DO NOTHING")


def get_or_create(connection: Connection, name: str, random: Callable[[int], bytes]) -> bytes:
    """The secret's 32 octets; `random(n)` gives n random ones. Call it in a writing transaction."""
    wanted = select(secret.c.value).where(secret.c.name == name)
    found = connection.execute(wanted).scalar_one_or_none()
    if found is None:
        connection.execute(_INSERT, {"name": name, "value": random(OCTETS)})
        found = connection.execute(wanted).scalar_one()
    return bytes(found)
