"""What alembic runs: our revisions, on the connection and in the transaction of `store/migrate.py`."""

from alembic import context

from voip_sms.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # SQLite too: our connections begin their transactions themselves, and its DDL rolls back.
    transactional_ddl=True,
    render_as_batch=True,  # SQLite's ALTER TABLE knows little: alembic rebuilds the table
)
with context.begin_transaction():
    context.run_migrations()
