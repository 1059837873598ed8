"""Who signs in, who is signed in, and who changed what. A customer sees what concerns the own account."""

from collections.abc import Sequence

from trunkline.store.audit import AuditEntry
from trunkline.store.loading import Listed
from trunkline.store.sessions import Session, SessionKind, SessionPage
from trunkline.store.users import User
from trunkline.web.desk.counter import Counter


class PeopleDesk:
    """See the module."""

    def __init__(self, counter: Counter) -> None:
        self._counter = counter

    def users(self, account: str | None = None, *, after: str = "", limit: int = 50) -> Listed[User]:
        """Up to `limit` behind the name `after`: everybody, or the people of an account, a customer's own."""
        counter = self._counter
        return counter.store.users.page(counter.account_or_all(account), after=after, limit=limit)

    def add_user(self, user: User, password: str) -> User:
        self._counter.check_operator()
        return self._counter.store.users.add(user, password)

    def set_password(self, name: str, password: str) -> None:
        """An operator's for anybody, everybody's own. Ends the user's sessions."""
        if name.lower() != self._counter.principal.user:
            self._counter.check_operator()
        self._counter.store.users.set_password(name, password)

    def remove_user(self, name: str) -> None:
        self._counter.check_operator()
        self._counter.store.users.remove(name)

    def sessions(
        self, kind: SessionKind | None = None, *, cursor: str | None = None, limit: int = 50
    ) -> SessionPage:
        """Up to `limit` living browser sessions and tokens, newest first, from `cursor` on: all, or those of
        the customer's account."""
        counter = self._counter
        account = counter.principal.account
        return counter.store.sessions.page(account=account, kind=kind, cursor=cursor, limit=limit)

    def own_sessions(self, kind: SessionKind, *, cursor: str | None = None, limit: int = 50) -> SessionPage:
        """An operator's own; a customer's as in `sessions`."""
        principal = self._counter.principal
        if not principal.operator:
            return self.sessions(kind, cursor=cursor, limit=limit)
        sessions = self._counter.store.sessions
        return sessions.page(user=principal.user, kind=kind, cursor=cursor, limit=limit)

    def revoke_session(self, id_: str) -> None:
        """End one."""
        session = self._counter.store.sessions.get(id_)
        self._counter.check_sees(session.account, "session", id_[:12])
        self._counter.store.sessions.revoke(id_)

    def open_token(self, label: str, lifetime_s: float | None = None) -> tuple[str, Session]:
        """A token for a program, of the principal's own rights; None: it ends when it is revoked. The token
        is shown once."""
        principal = self._counter.principal
        return self._counter.store.sessions.open(
            role=principal.role,
            user=principal.user,
            account=principal.account,
            kind=SessionKind.TOKEN,
            label=label,
            source=principal.source,
            lifetime_s=lifetime_s,
        )

    def audit(
        self,
        *,
        account: str | None = None,
        kind: str | None = None,
        key: str | None = None,
        before_id: int | None = None,
        limit: int = 50,
    ) -> Sequence[AuditEntry]:
        """Up to `limit` changes, newest first, older than `before_id`."""
        counter = self._counter
        return counter.store.audit.list(
            account=counter.account_or_all(account),
            kind=kind,
            key=key,
            before_id=before_id,
            since_at=counter.since_at,
            limit=limit,
        )
