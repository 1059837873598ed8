from trunkline.store import node_schema, schema


def test_it_is_one_of_the_tables() -> None:
    assert schema.METADATA.tables["node"] is node_schema.node
    assert [column.name for column in node_schema.node.primary_key] == ["name"]
