"""Answering challenges to our own requests (RFC 3261 §22.2, §22.3; RFC 7616; RFC 8760): a 401 or a 407.

Decides whether a challenge is worth an answer and keeps the last one of the server and of the proxy, so that
later requests of the same dialog or registration carry credentials at once, their nonce count going up
(RFC 3261 §22.2). Does not send: the user of an `Authenticator` sends the request again, with a new sequence
number. The arithmetic is in `digest`.

One request is answered for `ROUNDS` times at most. A challenge to a request that had credentials for the same
nonce is final, unless it says `stale=true`: the same answer would be refused again.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from trunkline.sip.digest import Challenge, answer_challenge, choose_challenge
from trunkline.sip.errors import SipSyntaxError
from trunkline.sip.message import Request, Response

ROUNDS = 2
"""How often one request is sent again because of a challenge."""

_KINDS = {401: ("www-authenticate", "authorization"), 407: ("proxy-authenticate", "proxy-authorization")}


@dataclass(frozen=True, slots=True)
class DigestUser:
    """Credentials of ours at a peer. With `realm` given they are shown to that realm only."""

    username: str
    secret: str = field(repr=False)
    realm: str | None = None


class _Known:
    """A challenge that was met, and how often its nonce was used."""

    __slots__ = ("nc", "nonce", "values")

    def __init__(self, nonce: str, values: list[str]) -> None:
        self.nonce = nonce
        self.values = values
        self.nc = 0


class Authenticator:
    """The challenges met by the requests of one dialog, registration or single request, and the answers to
    them.
    """

    __slots__ = ("_known", "_token", "_user")

    def __init__(self, user: DigestUser, token: Callable[[], str]) -> None:
        self._user = user
        self._token = token
        self._known: dict[str, _Known] = {}

    def challenged(self, request: Request, response: Response, rounds: int) -> bool:
        """Take in a 401 or 407 to `request`, which was sent again for `rounds` times before on that account.

        True when sending it once more, through `authorize`, may help.
        """
        challenge_name, answer_name = _KINDS[response.status]
        values = [value for value in response.headers.all(challenge_name) if self._is_meant(value)]
        challenge = choose_challenge(values)
        if rounds >= ROUNDS or challenge is None:
            return False
        known = self._known.get(answer_name)
        if (
            known is not None
            and known.nonce == challenge.nonce
            and answer_name in request.headers
            and not challenge.stale
        ):
            return False
        self._known[answer_name] = _Known(challenge.nonce, values)
        return True

    def _is_meant(self, challenge: str) -> bool:
        """Whether our credentials may be shown to whoever asks so."""
        try:
            return self._user.realm in (None, Challenge.parse(challenge).realm)
        except SipSyntaxError:
            return False

    def authorize(self, request: Request) -> None:
        """Add credentials for every challenge met so far. The body must be in place already (qop
        auth-int).
        """
        for answer_name, known in self._known.items():
            known.nc += 1
            answer = answer_challenge(
                known.values,
                request.method,
                request.uri_text,
                self._user.username,
                self._user.secret,
                self._token(),
                known.nc,
                request.body,
            )
            if answer is not None:
                request.headers.set(answer_name, answer)
