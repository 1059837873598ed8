"""The tables of the numbers that accounts can buy, and of what they can spend."""

import sqlalchemy as sa

from trunkline.store.columns import METADATA, MOMENT, column

number_stock = sa.Table(
    "number_stock",
    METADATA,
    # For sale while no row of `number` has it: nothing else says whether it is sold.
    sa.Column("e164", sa.Text, primary_key=True),
    column("country", sa.Text),
    column("kind", sa.Text),
    # Comma-separated, so that a search can look into it.
    column("features", sa.Text),
    column("price_cents", sa.BigInteger),
    column("created_at", MOMENT),
    sa.Index("ix_number_stock_country", "country", "e164"),
)

account_credit = sa.Table(
    "account_credit",
    METADATA,
    sa.Column("account", sa.ForeignKey("account.key", ondelete="CASCADE"), primary_key=True),
    column("balance_cents", sa.BigInteger),
)
