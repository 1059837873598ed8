"""What a minute costs, and how much of it an account may use a day."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("account", sa.Column("cost_per_day", sa.Double(), nullable=True))
    op.add_column("route", sa.Column("price_per_minute", sa.Double(), nullable=False, server_default="0"))
    with op.batch_alter_table("route") as batch:
        batch.alter_column("price_per_minute", server_default=None)
