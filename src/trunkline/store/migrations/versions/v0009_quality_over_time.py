"""How the audio of a call went over its time; sessions in the order in which they are listed."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_table(
        "call_quality",
        sa.Column("call_id", sa.Text(), nullable=False),
        sa.Column("course", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("call_id", name=op.f("pk_call_quality")),
    )
    columns = ["created_at", "token_hash"]
    op.create_index("ix_web_session_created_at", "web_session", columns, unique=False)
