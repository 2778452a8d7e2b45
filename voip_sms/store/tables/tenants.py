"""Configuration of the tenants: who they are, their accounts, numbers, forwards and rules."""

from sqlalchemy import JSON, BigInteger, Column, Index, LargeBinary, Table, UniqueConstraint, text

from voip_sms.store.tables.columns import count, flag, id_column, metadata, tenant_column, time_column, word

tenant = Table(
    "tenant",
    metadata,
    id_column(key=True),
    word("name"),
    word("price_list", default=""),
    flag("enabled", default=True),
    flag("blocked_inbound", default=False),
    word("timezone", default="UTC"),
    word("language", default="en"),
    word("transliterate", default="never"),
    flag("keep_sent_text", default=True),
    Column("mail_limits", JSON, nullable=False, server_default=text("'{}'")),  # {"day": n, "month": n}
    flag("self_service", default=False),  # its administrators look after their people and addresses
    Column("balance_low", BigInteger, nullable=False, server_default=text("0")),  # told below it; 0: never
    UniqueConstraint("name"),
)

api_key = Table(
    "api_key",
    metadata,
    id_column(key=True),
    tenant_column(),
    word("name"),
    Column("hash", LargeBinary(32), nullable=False),  # SHA-256 of the token
    word("hint"),  # the token's first characters, to recognise it
    Column("scopes", JSON, nullable=False),
    word("identity_kind"),
    word("identity_value", default=""),
    word("abroad", default="2way"),  # 2way | random: what an own number sends from to other countries
    flag("enabled", default=True),
    time_column("created_at"),
    UniqueConstraint("tenant_id", "name"),
    UniqueConstraint("hash"),
)

sip_account = Table(
    "sip_account",
    metadata,
    id_column(key=True),
    tenant_column(),
    word("user"),
    Column("ha1", JSON, nullable=False),  # {"MD5": hex, "SHA-256": hex}
    word("identity_kind"),
    word("identity_value", default=""),
    word("abroad", default="2way"),  # 2way | random: what an own number sends from to other countries
    word("language", default="en"),
    flag("enabled", default=True),
    Column("fallback", JSON(none_as_null=True)),  # {"after": seconds, "kind": mail | number, "to": target}
    word("via", default="direct"),  # direct | asterisk | proxy: where its phones are
    UniqueConstraint("user"),
)

mail_sender = Table(
    "mail_sender",
    metadata,
    id_column(key=True),
    tenant_column(),
    word("address"),
    word("secret_hash", null=True),
    word("token", null=True),
    word("identity_kind"),
    word("identity_value", default=""),
    word("abroad", default="2way"),  # 2way | random: what an own number sends from to other countries
    Column("options", JSON, nullable=False),
    flag("enabled", default=True),
    UniqueConstraint("address"),
)

ivr_flow = Table(
    "ivr_flow",
    metadata,
    id_column(key=True),
    tenant_column(),
    word("name"),
    word("identity_kind"),
    word("identity_value", default=""),
    word("abroad", default="2way"),  # 2way | random: what an own number sends from to other countries
    word("language", default="en"),
    Column("limits", JSON, nullable=False, server_default=text("'{}'")),  # {"caller": n, "flow": n} a day
    flag("enabled", default=True),
    UniqueConstraint("tenant_id", "name"),
)

sender_name = Table(
    "sender_name",
    metadata,
    id_column(key=True),
    tenant_column(),
    word("name"),
    word("status"),
    word("reason", default=""),
    UniqueConstraint("tenant_id", "name"),
)

number = Table(
    "number",
    metadata,
    id_column(key=True),
    tenant_column(),
    word("e164"),
    word("kind"),
    word("carrier"),
    flag("forwarding", default=True),
    UniqueConstraint("e164"),
)

forward = Table(
    "forward",
    metadata,
    id_column(key=True),
    tenant_column(),
    word("number", null=True),  # E.164; null: the tenant's own subscription to events
    word("kind"),
    Column("targets", JSON, nullable=False),
    flag("verified", default=False),
    word("secret", default=""),
    word("mode", default="standard"),
    Column("events", JSON, nullable=False),
    flag("enabled", default=True),
    word("disabled_reason", default=""),
    time_column("created_at"),
    word("secret_before", null=True),  # signs beside the new one until the receiver has changed over
    time_column("secret_before_until", null=True),
    Index(None, "tenant_id", "number"),
)

blacklist = Table(
    "blacklist",
    metadata,
    id_column(key=True),
    tenant_column(),
    word("match"),
    word("value"),
    time_column("created_at"),
    UniqueConstraint("tenant_id", "match", "value"),
)

contact_group = Table(
    "contact_group",
    metadata,
    id_column(key=True),
    tenant_column(),
    word("name"),
    Column("numbers", JSON, nullable=False),
    UniqueConstraint("tenant_id", "name"),
)

keyword = Table(
    "keyword",
    metadata,
    id_column(key=True),
    tenant_column(),
    word("number"),
    word("word"),
    word("folded"),  # as it is compared (`core/keywords.py`)
    word("mail"),
    UniqueConstraint("number", "folded"),
)

number_proof = Table(
    "number_proof",
    metadata,
    id_column("tenant_id", key=True),
    word("number", key=True),  # E.164 of a phone that texts shall be forwarded to
    word("code_hash", null=True),  # of the code that was sent there last, until it is used up
    count("tries"),  # of that code
    count("sent"),  # codes since `since`
    time_column("since"),
    time_column("sent_at"),
    time_column("expires_at"),  # of the code or of what one proved, whichever is later
    time_column("proven_at", null=True),
    Index(None, "expires_at"),
)
