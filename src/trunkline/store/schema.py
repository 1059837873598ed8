"""The tables, as SQLAlchemy Core metadata. Column names are the field names of the dataclasses that they
hold.

Types are portable between SQLite and PostgreSQL. Every `*_at` is wall-clock seconds since the epoch. Lists
that are only ever read and written whole (prefixes, codecs, rewrite rules) are JSON.

What changes here needs a migration in `migrations/versions`: a test compares the two. What the rows mean is
written beside the dataclasses: `trunkline.trunk`, `trunkline.call.record`. The tables of users,
sessions and the audit trail are in `web_schema`, those of numbers for sale in `stock_schema`,
those of webhooks in `webhook_schema`, that of nodes in `node_schema`.
"""

import sqlalchemy as sa

from trunkline.store.columns import METADATA as METADATA
from trunkline.store.columns import MOMENT as _MOMENT
from trunkline.store.columns import SERIAL as _SERIAL
from trunkline.store.columns import column as _column
from trunkline.store.columns import optional as _optional
from trunkline.store.node_schema import node as node
from trunkline.store.stock_schema import account_credit as account_credit
from trunkline.store.stock_schema import number_stock as number_stock
from trunkline.store.web_schema import answer as answer
from trunkline.store.web_schema import audit as audit
from trunkline.store.web_schema import web_session as web_session
from trunkline.store.web_schema import web_user as web_user
from trunkline.store.webhook_schema import webhook as webhook
from trunkline.store.webhook_schema import webhook_call as webhook_call
from trunkline.store.webhook_schema import webhook_delivery as webhook_delivery
from trunkline.store.webhook_schema import webhook_endpoint as webhook_endpoint

account = sa.Table(
    "account",
    METADATA,
    sa.Column("key", sa.Text, primary_key=True),
    _column("name", sa.Text),
    _column("status", sa.Text),
    _column("caller_id_policy", sa.Text),
    _optional("caller_id_number", sa.Text),
    _optional("max_concurrent", sa.Integer),
    _optional("max_inbound", sa.Integer),
    _optional("max_per_second", sa.Integer),
    _optional("minutes_per_day", sa.Integer),
    _optional("cost_per_day", sa.Double),
    _column("allowed_prefixes", sa.JSON),
    _column("denied_prefixes", sa.JSON),
    _column("codecs", sa.JSON),
    _column("transcoding", sa.Boolean),
    _column("srtp", sa.Text),
    _column("dtmf", sa.Text),
    _column("refer_enabled", sa.Boolean),
    _column("alarm", sa.Text),
    _column("ringback", sa.Text),
    _column("announcements", sa.Boolean),
    _column("created_at", _MOMENT),
)

credential = sa.Table(
    "credential",
    METADATA,
    sa.Column("id", _SERIAL, primary_key=True),
    sa.Column("account", sa.ForeignKey("account.key", ondelete="CASCADE"), nullable=False, index=True),
    _column("realm", sa.Text),
    _column("ha1_md5", sa.Text),
    _column("ha1_sha256", sa.Text),
    _column("created_at", _MOMENT),
    _optional("expires_at", _MOMENT),
)

number = sa.Table(
    "number",
    METADATA,
    sa.Column("e164", sa.Text, primary_key=True),
    sa.Column("account", sa.ForeignKey("account.key"), nullable=False),
    _column("forwarding", sa.Text),
    _column("forwarding_warnings", sa.JSON),
    _optional("ring_timeout_s", sa.Double),
    _column("created_at", _MOMENT),
    sa.Index("ix_number_account", "account", "e164"),
)

endpoint = sa.Table(
    "endpoint",
    METADATA,
    sa.Column("number", sa.ForeignKey("number.e164", ondelete="CASCADE"), primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
    _column("uri", sa.Text),
    _optional("timeout_ms", sa.Integer),
    _column("media", sa.Text),
    _column("text", sa.Text),
)

carrier = sa.Table(
    "carrier",
    METADATA,
    sa.Column("name", sa.Text, primary_key=True),
    _column("enabled", sa.Boolean),
    _column("called_rules", sa.JSON),
    _column("caller_rules", sa.JSON),
    _column("inbound_called_rules", sa.JSON),
    _column("inbound_caller_rules", sa.JSON),
    _optional("user", sa.Text),
    _optional("secret", sa.Text),
    _optional("realm", sa.Text),
    _column("register", sa.Boolean),
    _column("codecs", sa.JSON),
    _column("transcoding", sa.Boolean),
    _column("srtp", sa.Text),
    _column("dtmf", sa.Text),
    _column("transport", sa.Text),
    _column("verify_tls", sa.Boolean),
    _column("sources", sa.JSON),
    sa.Column("inbound_account", sa.ForeignKey("account.key"), nullable=True),
    _column("pings", sa.Boolean),
    _optional("ping_interval_s", sa.Double),
    _optional("response_timeout_ms", sa.Integer),
    _optional("ring_timeout_s", sa.Double),
    _optional("from_host", sa.Text),
    _column("trusted", sa.Boolean),
    _column("created_at", _MOMENT),
)

gateway = sa.Table(
    "gateway",
    METADATA,
    sa.Column("carrier", sa.ForeignKey("carrier.name", ondelete="CASCADE"), primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
    _column("uri", sa.Text),
    _column("priority", sa.Integer),
    _column("weight", sa.Integer),
)

route = sa.Table(
    "route",
    METADATA,
    sa.Column("prefix", sa.Text, primary_key=True),
    _column("price_per_minute", sa.Double),
    _column("created_at", _MOMENT),
)

route_carrier = sa.Table(
    "route_carrier",
    METADATA,
    sa.Column("route", sa.ForeignKey("route.prefix", ondelete="CASCADE"), primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("carrier", sa.ForeignKey("carrier.name"), nullable=False, index=True),
    _column("priority", sa.Integer),
    _column("weight", sa.Integer),
)

registration = sa.Table(
    "registration",
    METADATA,
    # All bindings that one node holds for an account, as JSON: they are written and read together.
    sa.Column("node", sa.Text, primary_key=True),
    sa.Column("account", sa.Text, primary_key=True),
    _column("bindings", sa.Text),
    _column("expires_at", _MOMENT),
)

ban = sa.Table(
    "ban",
    METADATA,
    sa.Column("source", sa.Text, primary_key=True),
    _column("reason", sa.Text),
    _column("evidence", sa.Integer),
    _column("since_at", _MOMENT),
    _optional("until_at", _MOMENT),
)

UNANSWERED = "verdict <> 'answered'"
"""Word for word what a query has to say for SQLite to take the indexes of reasons."""

call = sa.Table(
    "call",
    METADATA,
    sa.Column("call_id", sa.Text, primary_key=True),
    _column("run", sa.Text),
    _column("node", sa.Text),
    _column("direction", sa.Text),
    _optional("account", sa.Text),
    _optional("number", sa.Text),
    _column("dialled", sa.Text),
    _column("called", sa.Text),
    _column("caller", sa.Text),
    _column("sip_call_id", sa.Text),
    _column("source", sa.Text),
    _column("setup_at", _MOMENT),
    _optional("ringing_at", _MOMENT),
    _optional("answered_at", _MOMENT),
    _optional("ended_at", _MOMENT),
    _column("state", sa.Text),
    _optional("carrier", sa.Text),
    _column("attempts", sa.Integer),
    _optional("hung_up_by", sa.Text),
    _optional("verdict", sa.Text),
    _optional("status", sa.Integer),
    _optional("q850", sa.Integer),
    _optional("detail", sa.Text),
    _optional("retry_after_s", sa.Integer),
    *(
        column
        for side in ("caller", "callee")
        for column in (
            _column(f"{side}_codec", sa.Text),
            _column(f"{side}_packets_received", sa.BigInteger),
            _column(f"{side}_packets_sent", sa.BigInteger),
            _column(f"{side}_packets_lost", sa.BigInteger),
            _column(f"{side}_jitter_ms", sa.Double),
            _optional(f"{side}_mos", sa.Double),
        )
    ),
    # No foreign keys: a record outlives its account, and writing one must stay cheap.
    sa.Index("ix_call_setup_at", "setup_at", "call_id"),
    sa.Index("ix_call_account", "account", "setup_at", "call_id"),
    sa.Index("ix_call_number", "number", "setup_at", "call_id"),
    sa.Index(
        "ix_call_open",
        "run",
        sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    ),
    # A call is looked for by the SIP Call-ID of either leg, and by the reason for which it failed. Answered
    # calls, the most, cost the index of reasons nothing.
    sa.Index("ix_call_sip_call_id", "sip_call_id"),
    *(
        sa.Index(
            name,
            *columns,
            sqlite_where=sa.text(UNANSWERED),
            postgresql_where=sa.text(UNANSWERED),
        )
        for name, columns in (
            ("ix_call_verdict", ("verdict", "setup_at", "call_id")),
            ("ix_call_account_verdict", ("account", "verdict", "setup_at", "call_id")),
        )
    ),
)

call_quality = sa.Table(
    "call_quality",
    METADATA,
    # Apart from `call`: kilobytes, which only the page of one call wants (`call.quality`).
    sa.Column("call_id", sa.Text, primary_key=True),
    _column("course", sa.Text),
)

attempt = sa.Table(
    "attempt",
    METADATA,
    # Clustered by call: a call's attempts are always read and deleted together.
    sa.Column("call_id", sa.Text, primary_key=True),
    sa.Column("attempt_id", sa.Text, primary_key=True),
    _column("position", sa.Integer),
    _column("target", sa.Text),
    _optional("carrier", sa.Text),
    _column("started_at", _MOMENT),
    _column("sip_call_id", sa.Text),
    _column("resolved", sa.Text),
    _optional("ringing_at", _MOMENT),
    _optional("answered_at", _MOMENT),
    _optional("ended_at", _MOMENT),
    _optional("verdict", sa.Text),
    _optional("status", sa.Integer),
    _optional("q850", sa.Integer),
    _optional("detail", sa.Text),
    _optional("retry_after_s", sa.Integer),
    sa.Index("ix_attempt_sip_call_id", "sip_call_id"),
    sqlite_with_rowid=False,
)

run = sa.Table(
    "run",
    METADATA,
    # One row per start of a node; `alive_at` is what a crashed run's open calls are closed with.
    sa.Column("run", sa.Text, primary_key=True),
    sa.Column("node", sa.Text, nullable=False, index=True),
    _column("started_at", _MOMENT),
    _column("alive_at", _MOMENT),
)

alarm = sa.Table(
    "alarm",
    METADATA,
    sa.Column("id", _SERIAL, primary_key=True),
    # No foreign key: what was suspected of an account outlives it.
    _column("account", sa.Text),
    _column("kind", sa.Text),
    _column("raised_at", _MOMENT),
    _column("called", sa.Text),
    _column("detail", sa.Text),
    _column("blocked", sa.Boolean),
    sa.Index("ix_alarm_account", "account", "id"),
)

change = sa.Table(
    "change",
    METADATA,
    # What a running node has to load again: `kind` is account, number, carrier or route.
    sa.Column("sequence", _SERIAL, primary_key=True),
    _column("kind", sa.Text),
    _column("key", sa.Text),
    _column("made_at", _MOMENT),
    sqlite_autoincrement=True,
)

meta = sa.Table(
    "meta",
    METADATA,
    sa.Column("name", sa.Text, primary_key=True),
    _column("value", sa.Text),
)
