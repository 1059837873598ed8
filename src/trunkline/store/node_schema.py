"""The table of nodes: what each says of itself, and what it is told to do. What it means is `nodes`'."""

import sqlalchemy as sa

from trunkline.store.columns import METADATA, MOMENT, column, optional

node = sa.Table(
    "node",
    METADATA,
    sa.Column("name", sa.Text, primary_key=True),
    # Of the installation, and of this start of it: two processes of one name tell each other apart by them.
    column("identity", sa.Text),
    column("run", sa.Text),
    optional("region", sa.Text),
    column("weight", sa.Integer),
    # Transport, advertised host and port of each listener.
    column("listens", sa.JSON),
    column("version", sa.Text),
    column("revision", sa.Text),
    # By the database's clock, like `seen_at`: nodes may disagree about the time.
    column("started_at", MOMENT),
    column("seen_at", MOMENT),
    column("lost_after_s", sa.Double),
    column("clock_off_s", sa.Double),
    column("calls", sa.Integer),
    column("load", sa.Double),
    column("stopping", sa.Boolean),
    column("presence", sa.Text),
    optional("drained_at", MOMENT),
    optional("closed_by", sa.Text),
)
