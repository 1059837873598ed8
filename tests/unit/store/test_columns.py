"""What tables are made of."""

import sqlalchemy as sa

from trunkline.store.columns import column, optional


def test_a_column_holds_a_value_and_an_optional_one_may_not() -> None:
    assert not column("a", sa.Text).nullable
    assert optional("b", sa.Text).nullable
