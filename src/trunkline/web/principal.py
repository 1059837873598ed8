"""Who asks: a signed-in operator, or someone of one customer's account."""

from dataclasses import dataclass

from trunkline.store.audit import Author, Via
from trunkline.store.sessions import Session
from trunkline.store.users import Role


@dataclass(frozen=True, slots=True)
class Principal:
    """Whoever a request comes from, after sign-in. What it may do is for `trunkline.web.desk` alone to
    say."""

    name: str
    """A user's name, or an account's key."""
    role: Role
    account: str | None
    """The one account that a customer sees; None for an operator."""
    via: Via
    source: str
    """The address that the request came from."""
    session: Session | None = None
    """The browser session or token that it came with; None: with a key and secret, or a password."""
    by_key: bool = False
    """Whether it is the account itself, by key and secret, and no user: an account's key may be a user's
    name."""

    @property
    def user(self) -> str | None:
        """The name of the user; None: the account itself."""
        return None if self.by_key else self.name

    @property
    def operator(self) -> bool:
        """Whether it may do everything."""
        return self.role is Role.OPERATOR

    @property
    def author(self) -> Author:
        """For the audit trail."""
        return Author(self.name, self.via, self.source)

    def sees(self, account: str | None) -> bool:
        """Whether what belongs to `account` (None: to the operator alone) is its business."""
        return self.operator or (account is not None and account == self.account)
