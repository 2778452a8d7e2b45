"""Reads which phones said the code that a tenant had sent to them."""

from sqlalchemy import Connection, select

from voip_sms.core.directory import Id, Micros
from voip_sms.store.tables import number_proof


def proven_numbers(connection: Connection, tenant_id: Id, now: Micros) -> list[str]:
    """Phones that proved a moment ago that somebody there agrees; their proof is not over yet."""
    mine = (number_proof.c.tenant_id == tenant_id, number_proof.c.proven_at.is_not(None))
    wanted = select(number_proof.c.number).where(*mine, number_proof.c.expires_at > now)
    return list(connection.execute(wanted.order_by(number_proof.c.number)).scalars())
