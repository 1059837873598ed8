"""How audio is agreed on with an account or a carrier: transcoding, SRTP, digits; and what a caller hears.

Rows that exist get the default; the database keeps it, though every new row brings values of its own.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    for table in ("account", "carrier"):
        op.add_column(table, sa.Column("transcoding", sa.Boolean(), nullable=False, server_default=sa.true()))
        op.add_column(table, sa.Column("srtp", sa.Text(), nullable=False, server_default="allowed"))
        op.add_column(table, sa.Column("dtmf", sa.Text(), nullable=False, server_default="auto"))
    op.add_column(
        "account", sa.Column("announcements", sa.Boolean(), nullable=False, server_default=sa.false())
    )
