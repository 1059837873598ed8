"""The tables around the directory: who may sign in, who is signed in, who changed what, what was answered.

Kept apart from `schema`, which the call path's rooms live from; migrations and tests see both as one.
"""

import sqlalchemy as sa

from trunkline.store.columns import METADATA, MOMENT, SERIAL, column, optional

web_user = sa.Table(
    "web_user",
    METADATA,
    # An e-mail address in lower case, or a plain name such as admin.
    sa.Column("name", sa.Text, primary_key=True),
    column("password_hash", sa.Text),
    column("role", sa.Text),
    sa.Column("account", sa.ForeignKey("account.key", ondelete="CASCADE"), nullable=True, index=True),
    column("created_at", MOMENT),
)

web_session = sa.Table(
    "web_session",
    METADATA,
    # The SHA-256 of the token: who reads the database can't sign in with what he finds.
    sa.Column("token_hash", sa.Text, primary_key=True),
    column("kind", sa.Text),
    column("role", sa.Text),
    sa.Column("user", sa.ForeignKey("web_user.name", ondelete="CASCADE"), nullable=True, index=True),
    sa.Column("account", sa.ForeignKey("account.key", ondelete="CASCADE"), nullable=True, index=True),
    column("label", sa.Text),
    column("source", sa.Text),
    column("created_at", MOMENT),
    column("seen_at", MOMENT),
    sa.Column("expires_at", MOMENT, nullable=True, index=True),
    sa.Index("ix_web_session_created_at", "created_at", "token_hash"),
)

audit = sa.Table(
    "audit",
    METADATA,
    sa.Column("id", SERIAL, primary_key=True),
    column("made_at", MOMENT),
    column("author", sa.Text),
    column("via", sa.Text),
    column("source", sa.Text),
    column("action", sa.Text),
    column("kind", sa.Text),
    column("key", sa.Text),
    # No foreign key: what was done to an account outlives it.
    optional("account", sa.Text),
    optional("before", sa.JSON),
    optional("after", sa.JSON),
    sa.Index("ix_audit_account", "account", "id"),
    sa.Index("ix_audit_thing", "kind", "key", "id"),
    sqlite_autoincrement=True,
)

answer = sa.Table(
    "answer",
    METADATA,
    # What the API answered to a request with an Idempotency-Key; no status while that request is served.
    sa.Column("owner", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    column("fingerprint", sa.Text),
    sa.Column("made_at", MOMENT, nullable=False, index=True),
    optional("status", sa.Integer),
    optional("headers", sa.JSON),
    # Encrypted: an answer may hold a secret that nothing else shows again.
    optional("body", sa.Text),
)
