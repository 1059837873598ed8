"""The tables of webhooks: whom to tell, what is to be told, and what was told already."""

import sqlalchemy as sa

from trunkline.store.columns import METADATA, MOMENT, SERIAL, column, optional

webhook = sa.Table(
    "webhook",
    METADATA,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("account", sa.ForeignKey("account.key", ondelete="CASCADE"), nullable=False, index=True),
    column("url", sa.Text),
    # The types of events that are wanted; empty: all.
    column("events", sa.JSON),
    column("enabled", sa.Boolean),
    # Encrypted with the key file: it is needed again for every signature.
    column("secret", sa.Text),
    column("dropped", sa.Integer),
    column("created_at", MOMENT),
)

webhook_delivery = sa.Table(
    "webhook_delivery",
    METADATA,
    sa.Column("id", SERIAL, primary_key=True),
    sa.Column("webhook", sa.ForeignKey("webhook.id", ondelete="CASCADE"), nullable=False),
    column("event_id", sa.Text),
    column("type", sa.Text),
    column("body", sa.Text),
    column("created_at", MOMENT),
    column("state", sa.Text),
    column("attempts", sa.Integer),
    optional("next_at", MOMENT),
    column("give_up_at", MOMENT),
    optional("last_at", MOMENT),
    optional("status", sa.Integer),
    column("detail", sa.Text),
    # An event is told once to each webhook, however often it is noticed.
    sa.UniqueConstraint("webhook", "event_id"),
    sa.Index("ix_webhook_delivery_webhook", "webhook", "id"),
    sa.Index(
        "ix_webhook_delivery_due",
        "webhook",
        "next_at",
        sqlite_where=sa.text("state = 'waiting'"),
        postgresql_where=sa.text("state = 'waiting'"),
    ),
    sqlite_autoincrement=True,
)

webhook_call = sa.Table(
    "webhook_call",
    METADATA,
    # A call whose start was told and whose end was not; `stage` is what was told last.
    sa.Column("call_id", sa.Text, primary_key=True),
    column("stage", sa.Integer),
)

webhook_endpoint = sa.Table(
    "webhook_endpoint",
    METADATA,
    # An endpoint that was told to be down, as one node sees it.
    sa.Column("node", sa.Text, primary_key=True),
    sa.Column("number", sa.Text, primary_key=True),
    sa.Column("uri", sa.Text, primary_key=True),
    column("since_at", MOMENT),
)
