"""What is counted over time for the operator's charts: the carriers' traffic and the pools' use."""

from sqlalchemy import BigInteger, Column, Table

from voip_sms.store.tables.columns import metadata, word

tally = Table(
    "tally",
    metadata,
    Column("at", BigInteger, primary_key=True, autoincrement=False),  # where its five minutes begin
    word("subject", key=True),  # carrier:sim, pool:pl
    word("what", key=True),  # accepted, error:RTHROTTLED …; engine/tally.py
    word("node", key=True),  # each process has rows of its own: nobody waits for another
    Column("n", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
