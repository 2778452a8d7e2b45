"""What lists of messages are read with: the columns that indexes know, texts by id, counting with a bound."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    Connection,
    LargeBinary,
    ScalarSelect,
    Select,
    String,
    column,
    func,
    literal_column,
    select,
    text,
)

from voip_sms.core import proofs
from voip_sms.core.directory import Id
from voip_sms.store.tables import message, message_text
from voip_sms.store.tables import messages as indexed

# Word for word as the indexes have them: only so does a database know that they serve.
other_end: Final = literal_column(indexed.PEER, String)
"""The number at the other end of a message."""
RECEIVED: Final[ColumnElement[Any]] = literal_column(indexed.RECEIVED)
WANTED: Final[ColumnElement[Any]] = literal_column(indexed.WANTED)
"""Received, and not blocked."""
NOT_ARRIVED: Final[ColumnElement[Any]] = literal_column(indexed.BAD)

COLUMNS: Final = tuple(column for column in message.columns if column is not message.c.trace)
"""A message as it is listed."""
_KINDS: Final[Mapping[type, Any]] = {str: String, bytes: LargeBinary, int: BigInteger}


def end_of(name: str) -> ColumnElement[str]:
    """`other_end` of the message that a query calls so."""
    return literal_column(
        f"(CASE WHEN {name}.direction = 'inbound' THEN {name}.sender ELSE {name}.recipient END)", String
    )


def wanted_of(name: str) -> ColumnElement[Any]:
    """`WANTED` of the message that a query calls so."""
    return literal_column(f"{name}.direction = 'inbound' AND {name}.error_code IS NULL")


def texts_of(connection: Connection, tenant_id: Id, wanted: Sequence[Id]) -> dict[Id, str]:
    """The texts of these messages, as far as they are kept and anybody's to see (`messages.as_message`)."""
    both = message_text.join(message, message.c.id == message_text.c.message_id)
    texts = select(message_text.c.message_id, message_text.c.body).select_from(both)
    mine = (message_text.c.message_id.in_(wanted), message_text.c.tenant_id == tenant_id)
    found = connection.execute(texts.where(*mine, message.c.door != proofs.DOOR))
    return {message_id: body for message_id, body in found}  # noqa: C416 - rows are no pairs to the checker


def wanted_rows(names: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> CTE:
    """These rows (1 to 500) as something to select from; a column's kind is that of its first value.

    As text: SQLAlchemy compiles its VALUES anew each time, which takes longer than the query.
    """
    marks = [[f":{name}_{n}" for name in names] for n in range(len(rows))]
    first = ", ".join(f"{mark} AS {name}" for mark, name in zip(marks[0], names, strict=True))
    statement = " UNION ALL SELECT ".join([first, *(", ".join(some) for some in marks[1:])])
    bound = {f"{name}_{n}": one for n, row in enumerate(rows) for name, one in zip(names, row, strict=True)}
    columns = (column(name, _KINDS[type(value)]) for name, value in zip(names, rows[0], strict=True))
    return text(f"SELECT {statement}").bindparams(**bound).columns(*columns).cte("wanted")


def counted(rows: Select[Any], most: int) -> ScalarSelect[int]:
    """How many there are, up to `most`: no more of them are read."""
    return select(func.count()).select_from(rows.limit(most).subquery()).scalar_subquery()
