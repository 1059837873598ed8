"""The tables of webhooks."""

from trunkline.store import schema, webhook_schema


def test_they_are_part_of_the_one_schema() -> None:
    tables = ("webhook", "webhook_delivery", "webhook_call", "webhook_endpoint")
    for name in tables:
        assert schema.METADATA.tables[name] is getattr(webhook_schema, name)


def test_webhooks_go_with_their_account_and_deliveries_with_their_webhook() -> None:
    for table in (webhook_schema.webhook, webhook_schema.webhook_delivery):
        assert {key.ondelete for key in table.foreign_keys} == {"CASCADE"}
