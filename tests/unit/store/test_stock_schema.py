"""The tables of stock and credit."""

from trunkline.store import schema, stock_schema


def test_they_are_part_of_the_one_schema() -> None:
    for table in (stock_schema.number_stock, stock_schema.account_credit):
        assert schema.METADATA.tables[table.name] is table


def test_stock_does_not_hold_whose_a_number_is() -> None:
    assert not stock_schema.number_stock.foreign_keys


def test_credit_goes_with_its_account() -> None:
    assert {key.ondelete for key in stock_schema.account_credit.foreign_keys} == {"CASCADE"}
