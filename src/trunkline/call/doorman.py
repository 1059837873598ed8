"""Who is calling: an account by digest, a carrier by digest or by source address, or nobody yet.

It owns the answers to missing, stale and wrong credentials: a challenge (407 to INVITE, 401 to REGISTER), the
same challenge to a wrong secret, and 403 after three of those from one source for one user name. An unknown
key and a wrong secret are the same thing here, in answer and in work. Slowing down and banning a source is
the business of `trunkline.net.admission`, which hears of each wrong try through `DoorEvents`.

Only an answer to a challenge that was sent to that very host is looked at: a forged address neither places a
call nor counts against its owner. RFC 7616 §5.4 allows it; what §3.3 warns of, a client's requests that take
one proxy and then another, is asked again. Guessing at one user name from many sources is slowed: after
`GUESSES` wrong tries within `GUESSING_S`, those who have signed in lately are let in by it, and nobody else
is heard until the time is over.

A nonce that another node has issued is good here; that node is asked whether its count was used, which the
request waits for (`confirm`). So what was overheard on its way to one node places no call at another.

Credentials come before the address: a PBX that shares an address with a carrier is still a customer.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from trunkline.call.passing import verdict_fields
from trunkline.call.ports import DoorEvents, NonceIssuers
from trunkline.clock import Clock
from trunkline.sip.digest import Algorithm, Challenger, Credentials, Outcome
from trunkline.sip.errors import SipSyntaxError
from trunkline.sip.fronted import source_of
from trunkline.sip.message import Request, Response, response_to
from trunkline.sip.ports import Address, Flow
from trunkline.trunk.account import Account
from trunkline.trunk.carrier import Carrier
from trunkline.trunk.directory import Directory
from trunkline.trunk.verdict import Slug, Verdict

WRONG_TRIES = 3
"""After so many wrong tries the answer is 403 instead of another challenge."""
GUESSES = 100
GUESSING_S = 300.0
"""So many wrong tries for one user name, from all sources together, are heard in so many seconds."""
SIGNED_IN_S = 24 * 3600.0
"""How long a source that gave the right password for a user name is known for it."""
_FORGET_AFTER_S = 300.0
_REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who may ask for calls: account or carrier is set."""

    account: Account | None = None
    carrier: Carrier | None = None
    secret: str = ""
    """The name of the account's `Credential` that proves it; empty where the address does."""
    unconfirmed: Credentials | None = None
    """They answer a challenge of another node: see `Doorman.confirm`."""


class Doorman:
    """Checks requests outside dialogs, and tells `DoorEvents` who came."""

    __slots__ = (
        "_challenger",
        "_clock",
        "_directory",
        "_events",
        "_guesses",
        "_guests",
        "_issuers",
        "_signed_in",
        "_tries",
    )

    def __init__(
        self,
        challenger: Challenger,
        directory: Directory,
        clock: Clock,
        *,
        events: DoorEvents,
        issuers: NonceIssuers | None = None,
    ) -> None:
        """Without `issuers` the counts of other nodes' nonces are those that were used here."""
        self._challenger = challenger
        self._issuers = issuers
        self._directory = directory
        self._clock = clock
        self._events = events
        self._tries: OrderedDict[tuple[str, str], tuple[int, float]] = OrderedDict()
        self._guesses: OrderedDict[str, tuple[int, float]] = OrderedDict()
        self._signed_in: OrderedDict[tuple[str, str], float] = OrderedDict()
        self._guests: dict[Address, Carrier] = {}

    def expect(self, remote: Address, carrier: Carrier) -> None:
        """Take calls from `remote` for the carrier's, until `dismiss`: our own test phone's."""
        self._guests[remote] = carrier

    def dismiss(self, remote: Address) -> None:
        """Expect it no longer. Idempotent."""
        self._guests.pop(remote, None)

    def admit(self, request: Request, flow: Flow) -> Caller | Response:
        """Who sends this INVITE or REGISTER, or the answer to send instead. Somebody `unconfirmed` is let in
        once `confirm` has said so.
        """
        header = "authorization" if request.method == "REGISTER" else "proxy-authorization"
        values = request.headers.all(header)
        credentials = self._challenger.find(values) if values else None
        if credentials is None:
            self._note_other_realm(values, flow)
            if request.method == "REGISTER" and not values and (user := request.to.uri.user):
                self._events.came_without(flow, user)
            carrier = self._by_address(flow) if request.method == "INVITE" else None
            return Caller(carrier=carrier) if carrier is not None else self._challenge(request, flow)
        username = credentials.username
        if not self._challenger.asked(credentials, source_of(flow).host):
            return self._challenge(request, flow, stale=True)
        if self._is_guessed(username) and not self._is_signed_in(flow, username):
            return self._challenge(request, flow)
        outcome, secret = self._check(credentials, request)
        if outcome is Outcome.OK or outcome is Outcome.ELSEWHERE:
            caller = self._caller(username, secret)
            if caller is not None:
                if outcome is Outcome.ELSEWHERE and self._issuers is not None:
                    return replace(caller, unconfirmed=credentials)
                self._right(flow, username)
                return caller
        if outcome is Outcome.STALE or outcome is Outcome.UNSUPPORTED:
            return self._challenge(request, flow, stale=outcome is Outcome.STALE)
        return self._wrong(request, flow, username)

    def confirm(
        self,
        caller: Caller,
        request: Request,
        flow: Flow,
        decided: Callable[[Caller | Response], None],
    ) -> None:
        """Whether somebody `unconfirmed` is let in. `decided` is told once, a moment later: who it is by
        then, for an account may have been blocked or removed, or its secret revoked; or the answer to send
        instead.
        """
        credentials = caller.unconfirmed
        issuer = None if credentials is None else self._challenger.issuer_of(credentials.nonce)
        if self._issuers is None or credentials is None or issuer is None:
            raise LookupError("these credentials wait for nobody")
        username = credentials.username

        def heard(fresh: bool) -> None:
            found = self._caller(username, caller.secret) if fresh else None
            if found is None:
                decided(self._challenge(request, flow, stale=not fresh))
                return
            self._right(flow, username)
            decided(found)

        self._issuers.take(issuer, credentials.nonce, credentials.use, heard)

    def _right(self, flow: Flow, username: str) -> None:
        key = (source_of(flow).host, username)
        self._tries.pop(key, None)
        self._signed_in.pop(key, None)
        self._signed_in[key] = self._clock.now()
        if len(self._signed_in) > _REMEMBERED:
            self._signed_in.popitem(last=False)
        self._events.signed_in(flow)

    def _is_signed_in(self, flow: Flow, username: str) -> bool:
        at = self._signed_in.get((source_of(flow).host, username))
        return at is not None and self._clock.now() - at < SIGNED_IN_S

    def _is_guessed(self, username: str) -> bool:
        count, since = self._guesses.get(username, (0, 0.0))
        return count >= GUESSES and self._clock.now() - since < GUESSING_S

    def _by_address(self, flow: Flow) -> Carrier | None:
        return self._guests.get(flow.remote) or self._directory.carrier_by_source(source_of(flow).host)

    def _note_other_realm(self, values: Sequence[str], flow: Flow) -> None:
        for value in values:
            try:
                credentials = Credentials.parse(value)
            except SipSyntaxError:
                continue
            self._events.other_realm_answered(flow, credentials.username, credentials.realm)
            return

    def _check(self, credentials: Credentials, request: Request) -> tuple[Outcome, str]:
        """Against each secret that is good now, until one fits: there are two while one is being changed.
        And that one's name.
        """
        account = self._directory.account(credentials.username)
        algorithm = credentials.algorithm
        known: Sequence[tuple[str | None, str]] = ()
        if account is not None and algorithm is not None:
            known = [(one.ha1(algorithm), one.name) for one in account.living(self._clock.wall())]
        outcome = Outcome.UNKNOWN
        for stored, name in known or ((None, ""),):
            outcome = self._challenger.check(credentials, request.method, _found(stored), request.uri_text)
            if outcome is not Outcome.WRONG:
                return outcome, name
        return outcome, ""

    def _caller(self, username: str, secret: str) -> Caller | None:
        """Whose this secret is now, if anybody's."""
        account = self._directory.account(username)
        if account is None or all(one.name != secret for one in account.living(self._clock.wall())):
            return None
        carrier = self._directory.carrier_by_inbound_account(username)
        return Caller(account=None if carrier is not None else account, carrier=carrier, secret=secret)

    def _challenge(self, request: Request, flow: Flow, *, stale: bool = False) -> Response:
        registering = request.method == "REGISTER"
        name = "WWW-Authenticate" if registering else "Proxy-Authenticate"
        return response_to(
            request,
            401 if registering else 407,
            headers=[
                (name, value) for value in self._challenger.challenge_headers(source_of(flow).host, stale)
            ],
        )

    def _wrong(self, request: Request, flow: Flow, username: str) -> Response:
        self._events.password_wrong(flow, username)
        tries = self._tries
        key = (source_of(flow).host, username)
        now = self._clock.now()
        count, since = tries.pop(key, (0, now))
        count = 1 if now - since > _FORGET_AFTER_S else count + 1
        tries[key] = (count, now)
        if len(tries) > _REMEMBERED:
            tries.popitem(last=False)
        self._count_guess(username, now)
        if count < WRONG_TRIES:
            return self._challenge(request, flow)
        return response_to(request, 403, headers=verdict_fields(Verdict.of(Slug.BAD_CREDENTIALS)))

    def _count_guess(self, username: str, now: float) -> None:
        count, since = self._guesses.pop(username, (0, now))
        self._guesses[username] = (1, now) if now - since >= GUESSING_S else (count + 1, since)
        if len(self._guesses) > _REMEMBERED:
            self._guesses.popitem(last=False)


def _found(stored: str | None) -> Callable[[str, Algorithm], str | None]:
    """A look-up that has been done already."""
    return lambda _key, _algorithm: stored
