"""The API's answers to requests with an Idempotency-Key, and numbers of an account in order."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "answer",
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("made_at", sa.Double(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("headers", sa.JSON(), nullable=True),
        sa.Column("body", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("owner", "key", name=op.f("pk_answer")),
    )
    op.create_index(op.f("ix_answer_made_at"), "answer", ["made_at"], unique=False)
    op.drop_index(op.f("ix_number_account"), table_name="number")
    op.create_index(op.f("ix_number_account"), "number", ["account", "e164"], unique=False)
