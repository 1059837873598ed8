"""Text that every database takes. What peers send need be none: it is recorded all the same."""


def storable(text: str) -> str:
    """`text` with U+FFFD for bytes that were not UTF-8 (surrogate escapes), and for NUL, which PostgreSQL's
    text can't hold (https://www.postgresql.org/docs/current/datatype-character.html)."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace").replace("\0", "\ufffd")
