"""Why a request to the dashboard or the API is not served, apart from what the store and the node refuse."""

from trunkline.errors import TrunklineError


class WebError(TrunklineError):
    """Root of these."""


class NotSignedInError(WebError):
    """The credentials are missing, wrong or no longer good. Doesn't say which: a guesser learns nothing."""


class NotAllowedError(WebError):
    """Whoever is signed in may not do this."""


class InvalidError(WebError):
    """A value that can't be."""


class ChangedMeanwhileError(WebError):
    """Somebody else changed the thing since it was read."""


class TooManyAttemptsError(WebError):
    """Too many wrong passwords, or too many requests."""

    def __init__(self, what: str, retry_after_s: int) -> None:
        super().__init__(f"{what}; try again in {retry_after_s} s")
        self.retry_after_s = retry_after_s
        """Seconds, at least 1: for Retry-After (RFC 9110 §10.2.3)."""
