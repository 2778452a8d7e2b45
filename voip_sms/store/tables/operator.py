"""Configuration of the operator: keys, carriers, routes, prices, pools; what an installation keeps once."""

from sqlalchemy import JSON, BigInteger, Column, Integer, LargeBinary, Table, UniqueConstraint

from voip_sms.store.tables.columns import count, flag, id_column, metadata, time_column, word

generation = Table(
    "generation",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),  # one row: 1
    Column("n", BigInteger, nullable=False),
)

secret = Table("secret", metadata, word("name", key=True), Column("value", LargeBinary, nullable=False))

operator_key = Table(
    "operator_key",
    metadata,
    word("name", key=True),
    Column("hash", LargeBinary(32), nullable=False),  # SHA-256 of the token
    word("hint"),  # the token's first characters, to recognise it
    flag("enabled", default=True),
    time_column("created_at"),
    UniqueConstraint("hash"),
)

node = Table(
    "node",
    metadata,
    word("name", key=True),
    id_column("boot"),
    time_column("seen_at"),
)

carrier_bind = Table(
    "carrier_bind",
    metadata,
    word("carrier", key=True),
    word("node"),  # whose connection to it is, until then
    time_column("until"),
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
