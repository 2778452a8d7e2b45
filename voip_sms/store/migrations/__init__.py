"""The alembic environment: how the schema came to be, revision by revision."""
