"""The tables of users, sessions and the trail."""

from trunkline.store import schema, web_schema


def test_they_are_part_of_the_one_schema() -> None:
    for table in (web_schema.web_user, web_schema.web_session, web_schema.audit, web_schema.answer):
        assert schema.METADATA.tables[table.name] is table


def test_a_user_and_its_sessions_go_with_their_account() -> None:
    for table in (web_schema.web_user, web_schema.web_session):
        assert {key.ondelete for key in table.foreign_keys} == {"CASCADE"}
