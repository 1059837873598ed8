"""Run by Alembic for every migration: hands it the connection that `trunkline.store.migrate` opened."""

from alembic import context

from trunkline.store.schema import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    render_as_batch=True,
    transactional_ddl=True,
)
context.run_migrations()
