"""How many calls to an account's numbers may be up at a time."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.add_column("account", sa.Column("max_inbound", sa.Integer(), nullable=True))
