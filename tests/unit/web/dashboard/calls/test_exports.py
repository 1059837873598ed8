"""Places for exports."""

import pytest

from trunkline.web.dashboard.calls.exports import MAX_EXPORTS, Exports
from trunkline.web.errors import TooManyAttemptsError


def test_a_customer_has_one_at_a_time() -> None:
    exports = Exports()
    exports.begin("alpha")
    with pytest.raises(TooManyAttemptsError, match="of this account"):
        exports.begin("alpha")
    exports.begin("beta")
    exports.end("alpha")
    exports.begin("alpha")


def test_customers_leave_one_for_an_operator() -> None:
    exports = Exports()
    for number in range(MAX_EXPORTS - 1):
        exports.begin(f"customer{number}")
    with pytest.raises(TooManyAttemptsError, match="exports are running already"):
        exports.begin("another")
    exports.begin(None)
    with pytest.raises(TooManyAttemptsError):
        exports.begin(None)


def test_operators_may_have_all_of_them() -> None:
    exports = Exports()
    for _ in range(MAX_EXPORTS):
        exports.begin(None)
    for account in (None, "alpha"):
        with pytest.raises(TooManyAttemptsError):
            exports.begin(account)
