"""Telling who asks: by user name and password, by account key and secret, by the cookie of a browser or the
token of a program.

Wrong passwords are counted for their source and for the name that they were tried with, so that neither one
machine nor many can guess. Where a name has signed in before, others' wrong tries at it are no reason to
wait: or whoever knows the name could lock its owner out (`visitors`). Right and unknown names take the same
time (`Users.verify`, `Accounts.verify`).
"""

import ipaddress
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace

from trunkline.store.audit import Via
from trunkline.store.sessions import SessionKind
from trunkline.store.store import Store
from trunkline.store.users import MAX_NAME_LENGTH, Role
from trunkline.web.attempts import Attempts
from trunkline.web.errors import NotSignedInError
from trunkline.web.principal import Principal
from trunkline.web.visitors import Visitors

FAILURE_WINDOW_S = 60.0
_WRONG = "the name or the password is wrong"


@dataclass(frozen=True, slots=True)
class Caller:
    """Where a request comes from, before anybody knows who sent it."""

    via: Via
    source: str
    """IP address of the peer."""
    label: str = ""
    """Its User-Agent."""


class SignIn:
    """The door. Blocks; safe to share between threads."""

    def __init__(
        self,
        store: Store,
        *,
        failures: int,
        session_s: float,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """`failures` wrong passwords within a minute are taken from one source or for one name; a browser
        stays signed in for `session_s`."""
        self._store = store
        self._session_s = session_s
        words = "too many wrong passwords"
        self._by_source = Attempts(failures, FAILURE_WINDOW_S, words, now)
        self._by_name = Attempts(failures, FAILURE_WINDOW_S, words, now)
        self._visitors = Visitors(now)

    def password(self, caller: Caller, name: str, password: str) -> Principal:
        """The user or account whose name and password, or key and secret, these are.

        Raises `NotSignedInError`, `TooManyAttemptsError`.
        """
        source, who = source_key(caller.source), name.lower()[:MAX_NAME_LENGTH]
        known = self._visitors.knows(source, who)
        with self._by_source.trying(source), nullcontext() if known else self._by_name.trying(who):
            found = self._account(caller, name, password)
            if found is None:
                with self._visitors.checking(source):
                    found = self._user(caller, name, password)
            if found is None:
                self._by_source.note(source)
                if not known:
                    self._by_name.note(who)
                raise NotSignedInError(_WRONG)
        self._visitors.remember(source, who)
        return found

    def begin(self, caller: Caller, name: str, password: str) -> tuple[str, Principal]:
        """Sign a browser in: the token for its cookie, which nothing shows again, and who it is.

        Raises as `password` does.
        """
        principal = self.password(caller, name, password)
        token, session = self._store.by(principal.author).sessions.open(
            role=principal.role,
            user=principal.user,
            account=principal.account,
            label=caller.label,
            source=caller.source,
            lifetime_s=self._session_s,
        )
        return token, replace(principal, session=session)

    def token(self, caller: Caller, token: str, kind: SessionKind) -> Principal:
        """Whose session or token this is. Raises `NotSignedInError`, `TooManyAttemptsError`."""
        source = source_key(caller.source)
        self._by_source.check(source)
        session = self._store.sessions.find(token) if len(token) <= 128 else None
        if session is None or session.kind is not kind:
            if kind is SessionKind.TOKEN:
                self._by_source.note(source)
            raise NotSignedInError("the session has ended" if kind is SessionKind.BROWSER else _WRONG)
        by_key = session.user is None
        return Principal(
            session.name, session.role, session.account, caller.via, caller.source, session, by_key
        )

    def _account(self, caller: Caller, key: str, secret: str) -> Principal | None:
        account = self._store.accounts.verify(key, secret)
        if account is None:
            return None
        return Principal(account.key, Role.CUSTOMER, account.key, caller.via, caller.source, by_key=True)

    def _user(self, caller: Caller, name: str, password: str) -> Principal | None:
        user = self._store.users.verify(name, password)
        if user is None:
            return None
        return Principal(user.name, user.role, user.account, caller.via, caller.source)


def source_key(source: str) -> str:
    """What one machine can't leave: its address, or the /64 of an IPv6 address."""
    try:
        address = ipaddress.ip_address(source)
    except ValueError:
        return source
    if address.version == 4:
        return source
    return str(ipaddress.ip_network((int(address) >> 64 << 64, 64)).network_address)
