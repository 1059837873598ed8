"""Indexes for finding calls by SIP Call-ID and by the reason of a failure, and for paging by key alone."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0006"


def upgrade() -> None:
    for column in ("account", "number"):
        op.drop_index(f"ix_call_{column}", table_name="call")
        op.create_index(f"ix_call_{column}", "call", [column, "setup_at", "call_id"], unique=False)
    op.create_index("ix_attempt_sip_call_id", "attempt", ["sip_call_id"], unique=False)
    op.create_index("ix_call_sip_call_id", "call", ["sip_call_id"], unique=False)
    unanswered = sa.text("verdict <> 'answered'")
    op.create_index(
        "ix_call_verdict",
        "call",
        ["verdict", "setup_at", "call_id"],
        unique=False,
        sqlite_where=unanswered,
        postgresql_where=unanswered,
    )
    op.create_index(
        "ix_call_account_verdict",
        "call",
        ["account", "verdict", "setup_at", "call_id"],
        unique=False,
        sqlite_where=unanswered,
        postgresql_where=unanswered,
    )
