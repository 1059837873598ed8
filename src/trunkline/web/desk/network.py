"""What the running node knows: registrations, bans, health, load; and what would happen to a call."""

from collections.abc import Sequence

from cryptography import x509

from trunkline.call.record import Direction
from trunkline.store.errors import NotFoundError
from trunkline.trunk.e164 import normalise
from trunkline.web.banning import let_in, turn_away
from trunkline.web.desk.counter import Counter
from trunkline.web.pbx_setup import called_from
from trunkline.web.views import (
    BanView,
    Explanation,
    Glance,
    MediaPorts,
    NodeStats,
    PbxView,
    Question,
    RegistrationView,
    TargetHealth,
)


class NetworkDesk:
    """See the module. Every method raises `NoNodeError` while no node runs."""

    def __init__(self, counter: Counter) -> None:
        self._counter = counter

    def registrations(self) -> Sequence[RegistrationView]:
        """Devices that are registered now."""
        principal = self._counter.principal
        bindings = self._counter.node.client().registrations()
        return [binding for binding in bindings if principal.sees(binding.account)]

    def health(self, owner: str | None = None) -> Sequence[TargetHealth]:
        """Of every endpoint and gateway, or those of the number or carrier `owner`; a customer's own
        endpoints. Of all there are, the node tells `MAX_TARGETS`."""
        principal = self._counter.principal
        return [one for one in self._counter.node.client().health(owner) if principal.sees(one.account)]

    def glance(self) -> Glance:
        """What the first page shows, in one question: an operator's of everything, a customer's own."""
        counter = self._counter
        account = counter.principal.account
        if account is None:
            return counter.node.client().glance()
        return counter.node.client().glance(account, called_from(counter.store, account))

    def pbx(self, account: str, hosts: Sequence[str] = ()) -> PbxView:
        """What has been seen of the account's PBX; `hosts` are addresses that it is known to use besides."""
        self._counter.check_sees(account, "account", account)
        return self._counter.node.client().pbx(account, hosts)

    def bans(self) -> Sequence[BanView]:
        """Sources that are turned away."""
        self._counter.check_operator()
        return self._counter.node.client().bans()

    def ban(self, source: str, reason: str, for_s: float) -> BanView:
        """See `banning.turn_away`."""
        counter = self._counter
        counter.check_operator()
        return turn_away(counter.node.client(), counter.store.bans, source, reason, for_s)

    def lift_ban(self, source: str) -> None:
        """Let it in again. Raises `NotFoundError`."""
        counter = self._counter
        counter.check_operator()
        if not let_in(counter.node.client(), counter.store.bans, source):
            raise NotFoundError("ban", source)

    def stats(self) -> NodeStats:
        """The node at a glance."""
        self._counter.check_operator()
        return self._counter.node.client().stats()

    def media_ports(self) -> MediaPorts:
        self._counter.check_operator()
        return self._counter.node.client().media_ports()

    def drain(self, timeout_s: float | None = None) -> NodeStats:
        """Have the node take no new calls, and stop after the last one or after `timeout_s`; None: as
        configured."""
        self._counter.check_operator()
        return self._counter.node.client().drain(timeout_s)

    def certificate_ends_at(self) -> float | None:
        """The wall-clock second at which the TLS certificate ends; None: there is none to be read."""
        self._counter.check_operator()
        try:
            data = self._counter.settings.certificate.read_bytes()
            return x509.load_pem_x509_certificate(data).not_valid_after_utc.timestamp()
        except (OSError, ValueError):
            return None

    def explain(self, question: Question) -> Explanation:
        """What would happen to a call now: of the customer's own account, or to an own number."""
        if not self._counter.principal.operator:
            self._check_own(question)
        return self._counter.node.client().explain(question)

    def _check_own(self, question: Question) -> None:
        counter = self._counter
        if question.direction is Direction.OUTBOUND:
            account = question.account or ""
            counter.check_sees(account, "account", account)
            return
        e164 = normalise(question.called)
        counter.check_sees(counter.store.numbers.get(e164).account, "number", e164)
