"""What a minute costs, how much of it an account may use a day, and alarms about its calls."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.add_column("account", sa.Column("cost_per_day", sa.Double(), nullable=True))
    op.add_column("account", sa.Column("alarm", sa.Text(), nullable=False, server_default="note"))
    op.add_column("route", sa.Column("price_per_minute", sa.Double(), nullable=False, server_default="0"))
    op.create_table(
        "alarm",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("raised_at", sa.Double(), nullable=False),
        sa.Column("called", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("blocked", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alarm")),
    )
    op.create_index("ix_alarm_account", "alarm", ["account", "id"], unique=False)
