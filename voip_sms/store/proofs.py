"""Reads which phones a tenant had codes sent to, and which of them said theirs."""

from sqlalchemy import Connection, select

from voip_sms.core.directory import Id, Micros
from voip_sms.core.proofs import PROOF_LIFE
from voip_sms.store.config import Row
from voip_sms.store.tables import number_proof


def proven_numbers(connection: Connection, tenant_id: Id, now: Micros) -> list[str]:
    """Phones that proved a moment ago that somebody there agrees; their proof is not over yet."""
    lasting = (number_proof.c.tenant_id == tenant_id, number_proof.c.proven_at > now - PROOF_LIFE)
    wanted = select(number_proof.c.number).where(*lasting)
    return list(connection.execute(wanted.order_by(number_proof.c.number)).scalars())


def codes_of(connection: Connection, tenant_id: Id) -> list[Row]:
    """The phones that the tenant had codes sent to within a day or two, with how many and when."""
    found = connection.execute(select(number_proof).where(number_proof.c.tenant_id == tenant_id))
    return [dict(row) for row in found.mappings()]
