"""Why a request is not served."""

from trunkline.errors import TrunklineError
from trunkline.web.errors import NotAllowedError, NotSignedInError, TooManyAttemptsError, WebError


def test_they_are_one_tree() -> None:
    for kind in (NotSignedInError, NotAllowedError, TooManyAttemptsError):
        assert issubclass(kind, WebError)
    assert issubclass(WebError, TrunklineError)


def test_who_tried_too_often_is_told_when_to_come_back() -> None:
    error = TooManyAttemptsError("too many requests", 7)
    assert (str(error), error.retry_after_s) == ("too many requests; try again in 7 s", 7)
