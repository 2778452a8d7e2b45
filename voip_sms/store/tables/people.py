"""People and how they are signed in; operators' rows have the tenant that is none (`directory.NO_TENANT`)."""

from sqlalchemy import JSON, BigInteger, Column, Index, LargeBinary, Table, UniqueConstraint, text

from voip_sms.store.tables.columns import count, flag, id_column, metadata, tenant_column, time_column, word

user_account = Table(
    "user_account",
    metadata,
    id_column(key=True),
    tenant_column(),
    word("mail"),  # in lower case; what one signs in with
    word("name", default=""),
    word("role"),  # operator | admin | user
    word("language", default="en"),
    word("password_hash", null=True),
    Column("totp_secret", LargeBinary, nullable=True),  # of the second factor, once it is on
    Column("totp_offered", LargeBinary, nullable=True),  # shown, and not yet proven by a code
    Column("totp_step", BigInteger, nullable=False, server_default=text("-1")),  # the last one that was used
    Column("recovery", JSON, nullable=False, server_default=text("'[]'")),  # SHA-256 of codes not yet used
    Column("wishes", JSON, nullable=False, server_default=text("'{}'")),  # {notice: [mail, sms]}
    flag("enabled", default=True),
    time_column("created_at"),
    word("identity_kind", default="default"),  # what they send as from the panel
    word("identity_value", default=""),
    word("abroad", default="2way"),  # 2way | random: what an own number sends from to other countries
    word("phone", default=""),  # E.164, theirs by a code that came there; for notices
    UniqueConstraint("mail"),
    Index(None, "tenant_id"),
)

panel_session = Table(
    "panel_session",
    metadata,
    Column("hash", LargeBinary(32), primary_key=True),  # SHA-256 of the id that the browser has
    id_column(),  # what its owner calls it by
    tenant_column(),
    id_column("user_id"),
    time_column("created_at"),
    time_column("seen_at"),
    time_column("ends_at"),
    word("agent", default=""),
    word("address", default=""),
    Index(None, "user_id"),
    Index(None, "ends_at"),
)

one_time_link = Table(
    "one_time_link",
    metadata,
    Column("hash", LargeBinary(32), primary_key=True),  # SHA-256 of the token
    tenant_column(),
    id_column("user_id"),
    word("kind"),  # password | sign_in | code
    count("tries"),  # wrong codes
    time_column("created_at"),
    time_column("expires_at"),
    time_column("used_at", null=True),
    Index(None, "user_id"),
    Index(None, "expires_at"),
)

notice = Table(
    "notice",
    metadata,
    id_column(key=True),
    tenant_column(),
    word("kind"),  # core/people.NOTICES
    Column("about", JSON, nullable=False),  # core/mail/notices.py says of each kind what
    time_column("at"),
)
"""What happened that people may wish to be told of; gone once each of them has a hand-over of it."""

registration = Table(
    "registration",
    metadata,
    id_column(key=True),
    word("company"),
    word("name"),
    word("mail"),
    word("phone", default=""),
    word("tax_id", default=""),
    word("about", default=""),
    word("language", default="en"),
    word("code"),  # in the title of bank transfers
    word("status"),  # pending | approved | refused
    word("reason", default=""),
    time_column("created_at"),
    time_column("decided_at", null=True),
    id_column("became", null=True),  # the tenant that came of it
    UniqueConstraint("code"),
    Index(None, "mail"),
    Index(None, "status", "id"),
)
