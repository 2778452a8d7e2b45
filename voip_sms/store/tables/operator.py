"""Configuration of the operator: carriers, routes, prices, pools, and what each installation keeps once."""

from sqlalchemy import JSON, BigInteger, Column, Integer, LargeBinary, Table

from voip_sms.store.tables.columns import count, flag, id_column, metadata, time_column, word

generation = Table(
    "generation",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),  # one row: 1
    Column("n", BigInteger, nullable=False),
)

secret = Table("secret", metadata, word("name", key=True), Column("value", LargeBinary, nullable=False))

node = Table(
    "node",
    metadata,
    word("name", key=True),
    id_column("boot"),
    time_column("seen_at"),
)

carrier = Table(
    "carrier",
    metadata,
    word("name", key=True),
    word("kind"),
    Column("settings", JSON, nullable=False),
    flag("enabled", default=True),
)

route = Table(
    "route",
    metadata,
    word("prefix", key=True),
    word("carrier", key=True),
    count("priority"),
)

price_list = Table(
    "price_list",
    metadata,
    word("name", key=True),
    Column("valid_from", BigInteger, primary_key=True),
    word("currency"),
)

rate = Table(
    "rate",
    metadata,
    word("price_list", key=True),
    Column("valid_from", BigInteger, primary_key=True),
    word("prefix", key=True),
    Column("amount", BigInteger, nullable=False),
)

pool = Table(
    "pool",
    metadata,
    word("name", key=True),
    word("carrier"),
    Column("window_us", BigInteger, nullable=False),
)

pool_number = Table("pool_number", metadata, word("e164", key=True), word("pool"))
