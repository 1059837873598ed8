"""What the store refuses says what to do."""

from trunkline.errors import StoreError
from trunkline.store.errors import AlreadyExistsError, DatabaseError, NotFoundError, SchemaError


def test_they_name_the_thing_and_the_way_out() -> None:
    error = NotFoundError("account", "x", "trunkline account list shows them")
    assert str(error) == "account 'x' does not exist; trunkline account list shows them"
    assert (error.kind, error.key) == ("account", "x")
    assert str(AlreadyExistsError("route", "")) == "route 'all' exists already"


def test_what_was_typed_is_shown_as_far_as_a_line_has_room() -> None:
    assert str(NotFoundError("account", "")) == "account '' does not exist"
    assert str(NotFoundError("account", "x" * 5000)) == f"account '{'x' * 80}' does not exist"


def test_all_are_store_errors() -> None:
    assert issubclass(NotFoundError, StoreError)
    assert issubclass(SchemaError, DatabaseError)
