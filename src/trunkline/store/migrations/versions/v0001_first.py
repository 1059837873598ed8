"""The first schema."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "account",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("caller_id_policy", sa.Text(), nullable=False),
        sa.Column("caller_id_number", sa.Text(), nullable=True),
        sa.Column("max_concurrent", sa.Integer(), nullable=True),
        sa.Column("max_per_second", sa.Integer(), nullable=True),
        sa.Column("minutes_per_day", sa.Integer(), nullable=True),
        sa.Column("allowed_prefixes", sa.JSON(), nullable=False),
        sa.Column("denied_prefixes", sa.JSON(), nullable=False),
        sa.Column("codecs", sa.JSON(), nullable=False),
        sa.Column("refer_enabled", sa.Boolean(), nullable=False),
        sa.Column("ringback", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_account")),
    )
    op.create_table(
        "admin",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_admin")),
    )
    op.create_table(
        "attempt",
        sa.Column("call_id", sa.Text(), nullable=False),
        sa.Column("attempt_id", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("carrier", sa.Text(), nullable=True),
        sa.Column("started_at", sa.Double(), nullable=False),
        sa.Column("sip_call_id", sa.Text(), nullable=False),
        sa.Column("resolved", sa.Text(), nullable=False),
        sa.Column("ringing_at", sa.Double(), nullable=True),
        sa.Column("answered_at", sa.Double(), nullable=True),
        sa.Column("ended_at", sa.Double(), nullable=True),
        sa.Column("verdict", sa.Text(), nullable=True),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("q850", sa.Integer(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("retry_after_s", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("call_id", "attempt_id", name=op.f("pk_attempt")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "ban",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("evidence", sa.Integer(), nullable=False),
        sa.Column("since_at", sa.Double(), nullable=False),
        sa.Column("until_at", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("source", name=op.f("pk_ban")),
    )
    op.create_table(
        "call",
        sa.Column("call_id", sa.Text(), nullable=False),
        sa.Column("run", sa.Text(), nullable=False),
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("direction", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=True),
        sa.Column("number", sa.Text(), nullable=True),
        sa.Column("dialled", sa.Text(), nullable=False),
        sa.Column("called", sa.Text(), nullable=False),
        sa.Column("caller", sa.Text(), nullable=False),
        sa.Column("sip_call_id", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("setup_at", sa.Double(), nullable=False),
        sa.Column("ringing_at", sa.Double(), nullable=True),
        sa.Column("answered_at", sa.Double(), nullable=True),
        sa.Column("ended_at", sa.Double(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("carrier", sa.Text(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("hung_up_by", sa.Text(), nullable=True),
        sa.Column("verdict", sa.Text(), nullable=True),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("q850", sa.Integer(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("retry_after_s", sa.Integer(), nullable=True),
        sa.Column("caller_codec", sa.Text(), nullable=False),
        sa.Column("caller_packets_received", sa.BigInteger(), nullable=False),
        sa.Column("caller_packets_sent", sa.BigInteger(), nullable=False),
        sa.Column("caller_packets_lost", sa.BigInteger(), nullable=False),
        sa.Column("caller_jitter_ms", sa.Double(), nullable=False),
        sa.Column("caller_mos", sa.Double(), nullable=True),
        sa.Column("callee_codec", sa.Text(), nullable=False),
        sa.Column("callee_packets_received", sa.BigInteger(), nullable=False),
        sa.Column("callee_packets_sent", sa.BigInteger(), nullable=False),
        sa.Column("callee_packets_lost", sa.BigInteger(), nullable=False),
        sa.Column("callee_jitter_ms", sa.Double(), nullable=False),
        sa.Column("callee_mos", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("call_id", name=op.f("pk_call")),
    )
    op.create_index("ix_call_account", "call", ["account", "setup_at"], unique=False)
    op.create_index("ix_call_number", "call", ["number", "setup_at"], unique=False)
    op.create_index(
        "ix_call_open",
        "call",
        ["run"],
        unique=False,
        sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_index("ix_call_setup_at", "call", ["setup_at", "call_id"], unique=False)
    op.create_table(
        "change",
        sa.Column("sequence", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("made_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_change")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "meta",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_meta")),
    )
    op.create_table(
        "registration",
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("bindings", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("node", "account", name=op.f("pk_registration")),
    )
    op.create_table(
        "route",
        sa.Column("prefix", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("prefix", name=op.f("pk_route")),
    )
    op.create_table(
        "run",
        sa.Column("run", sa.Text(), nullable=False),
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("started_at", sa.Double(), nullable=False),
        sa.Column("alive_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("run", name=op.f("pk_run")),
    )
    op.create_index(op.f("ix_run_node"), "run", ["node"], unique=False)
    op.create_table(
        "carrier",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("called_rules", sa.JSON(), nullable=False),
        sa.Column("caller_rules", sa.JSON(), nullable=False),
        sa.Column("inbound_called_rules", sa.JSON(), nullable=False),
        sa.Column("inbound_caller_rules", sa.JSON(), nullable=False),
        sa.Column("user", sa.Text(), nullable=True),
        sa.Column("secret", sa.Text(), nullable=True),
        sa.Column("realm", sa.Text(), nullable=True),
        sa.Column("register", sa.Boolean(), nullable=False),
        sa.Column("codecs", sa.JSON(), nullable=False),
        sa.Column("transport", sa.Text(), nullable=False),
        sa.Column("verify_tls", sa.Boolean(), nullable=False),
        sa.Column("sources", sa.JSON(), nullable=False),
        sa.Column("inbound_account", sa.Text(), nullable=True),
        sa.Column("pings", sa.Boolean(), nullable=False),
        sa.Column("ping_interval_s", sa.Double(), nullable=True),
        sa.Column("response_timeout_ms", sa.Integer(), nullable=True),
        sa.Column("ring_timeout_s", sa.Double(), nullable=True),
        sa.Column("from_host", sa.Text(), nullable=True),
        sa.Column("trusted", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["inbound_account"], ["account.key"], name=op.f("fk_carrier_inbound_account_account")
        ),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_carrier")),
    )
    op.create_table(
        "credential",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("realm", sa.Text(), nullable=False),
        sa.Column("ha1_md5", sa.Text(), nullable=False),
        sa.Column("ha1_sha256", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("expires_at", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account"], ["account.key"], name=op.f("fk_credential_account_account"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credential")),
    )
    op.create_index(op.f("ix_credential_account"), "credential", ["account"], unique=False)
    op.create_table(
        "number",
        sa.Column("e164", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("forwarding", sa.Text(), nullable=False),
        sa.Column("forwarding_warnings", sa.JSON(), nullable=False),
        sa.Column("ring_timeout_s", sa.Double(), nullable=True),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["account"], ["account.key"], name=op.f("fk_number_account_account")),
        sa.PrimaryKeyConstraint("e164", name=op.f("pk_number")),
    )
    op.create_index(op.f("ix_number_account"), "number", ["account"], unique=False)
    op.create_table(
        "endpoint",
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("uri", sa.Text(), nullable=False),
        sa.Column("timeout_ms", sa.Integer(), nullable=True),
        sa.Column("media", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["number"], ["number.e164"], name=op.f("fk_endpoint_number_number"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("number", "position", name=op.f("pk_endpoint")),
    )
    op.create_table(
        "gateway",
        sa.Column("carrier", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("uri", sa.Text(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("weight", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["carrier"], ["carrier.name"], name=op.f("fk_gateway_carrier_carrier"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("carrier", "position", name=op.f("pk_gateway")),
    )
    op.create_table(
        "route_carrier",
        sa.Column("route", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("carrier", sa.Text(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("weight", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["carrier"], ["carrier.name"], name=op.f("fk_route_carrier_carrier_carrier")),
        sa.ForeignKeyConstraint(
            ["route"], ["route.prefix"], name=op.f("fk_route_carrier_route_route"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("route", "position", name=op.f("pk_route_carrier")),
    )
    op.create_index(op.f("ix_route_carrier_carrier"), "route_carrier", ["carrier"], unique=False)
