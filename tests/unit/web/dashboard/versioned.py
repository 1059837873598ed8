"""The version that a page's forms were filled from."""

import re

from tests.unit.web.dashboard.conftest import Browser


def version(browser: Browser, path: str) -> str:
    """As the page at `path` has it."""
    found = re.search(r'name="version" value="([0-9a-f]{32})"', browser.get(path))
    assert found is not None
    return found[1]
