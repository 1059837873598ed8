"""Lists of things in a form: a row of fields for each, and some blank ones. Who empties a row removes it."""

from starlette.datastructures import FormData

from trunkline.errors import DirectoryError
from trunkline.web.dashboard.browser import texts

MAX_ROWS = 50
BLANK_ROWS = 2


def columns(form: FormData, names: tuple[str, ...]) -> list[tuple[str, ...]]:
    """The rows that repeated fields make; the first column says how many there are."""
    cells = [texts(form, name) for name in names]
    height = min(len(cells[0]), MAX_ROWS)
    return [tuple(column[at] if at < len(column) else "" for column in cells) for at in range(height)]


def order(typed: str, default: int) -> int:
    """A priority or weight. Raises `DirectoryError`."""
    if not typed:
        return default
    if not (typed.isascii() and typed.isdigit() and len(typed) <= 5):
        raise DirectoryError("priority and weight are whole numbers, 0 to 65535")
    return int(typed)
