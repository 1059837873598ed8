"""Who signs in, who is signed in, and who changed what. A customer sees what concerns the own account."""

from collections.abc import Sequence

from trunkline.store.audit import AuditEntry
from trunkline.store.errors import NotFoundError
from trunkline.store.sessions import Session, SessionKind
from trunkline.store.users import User
from trunkline.web.desk.counter import Counter


class PeopleDesk:
    """See the module."""

    def __init__(self, counter: Counter) -> None:
        self._counter = counter

    def users(self) -> Sequence[User]:
        """Everybody, or the people of the customer's account."""
        counter = self._counter
        return counter.store.users.list(counter.principal.account)

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

    def sessions(self) -> Sequence[Session]:
        """Living browser sessions and tokens: all, or those of the customer's account."""
        counter = self._counter
        return counter.store.sessions.list(account=counter.principal.account)

    def own_sessions(self) -> Sequence[Session]:
        """An operator's own; a customer's as in `sessions`."""
        principal = self._counter.principal
        if not principal.operator:
            return self.sessions()
        return self._counter.store.sessions.list(user=principal.user)

    def revoke_session(self, id_: str) -> None:
        """End one."""
        if id_ not in {session.id for session in self.sessions()}:
            raise NotFoundError("session", id_[:12])
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
            account=counter.account_or_all(account), kind=kind, key=key, before_id=before_id, limit=limit
        )
