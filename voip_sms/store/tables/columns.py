"""The kinds of column that all tables share, and the metadata they register with."""

from sqlalchemy import BigInteger, Boolean, Column, Integer, LargeBinary, MetaData, String, text

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def id_column(name: str = "id", *, key: bool = False, null: bool = False) -> Column[bytes]:
    """A UUIDv7 in 16 octets."""
    return Column(name, LargeBinary(16), primary_key=key, nullable=null)


def tenant_column() -> Column[bytes]:
    """Whose row it is."""
    return id_column("tenant_id")


def time_column(name: str, *, null: bool = False) -> Column[int]:
    """Epoch microseconds, UTC."""
    return Column(name, BigInteger, nullable=null)


def word(name: str, *, key: bool = False, null: bool = False, default: str | None = None) -> Column[str]:
    """A short text: a name, a kind, a number in E.164."""
    return Column(
        name,
        String,
        primary_key=key,
        nullable=null,
        server_default=None if default is None else text(f"'{default}'"),
    )


def flag(name: str, *, default: bool) -> Column[bool]:
    """A switch."""
    return Column(name, Boolean, nullable=False, server_default=text("true" if default else "false"))


def count(name: str, default: int = 0) -> Column[int]:
    """A small whole number."""
    return Column(name, Integer, nullable=False, server_default=text(str(default)))
