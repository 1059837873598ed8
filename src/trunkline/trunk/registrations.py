"""The location service: which devices are registered for an account, and where (RFC 3261 §10.3 steps 6 to 8).

The address-of-record is the account's key. A request is applied wholly or not at all. Beyond the RFC: a
device that names itself with `+sip.instance` and `reg-id` replaces its own earlier binding (RFC 5626 §6), and
of more than `max_contacts` devices the one whose binding would end first is dropped, so that a device that
changes its address at each start can't shut itself out. What has just registered is the last to go, however
short its time: it is told that it has registered.

Authentication and steps 1 to 5 come before (`call`). Held in memory.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import unquote

from trunkline.clock import Clock
from trunkline.sip.errors import SipSyntaxError
from trunkline.sip.name_addr import NameAddr
from trunkline.sip.ports import Flow, Transport, as_private, asked_transport
from trunkline.sip.uri import SipUri

MALFORMED_EXPIRES_S = 3600
"""What a malformed expiry counts as (RFC 3261 §10.2.1.1)."""
_HOUR_S = 3600
_MAX_EXPIRES_S = 2**32 - 1
_FULL_Q = 1000


@dataclass(frozen=True, slots=True)
class RegistrationPolicy:
    """What a registrar grants. Times are seconds."""

    min_expires_s: int = 60
    """A shorter wish than this is refused with 423; at most 3600 (RFC 3261 §10.3 step 7)."""
    default_expires_s: int = 3600
    """Where the request names none."""
    max_expires_s: int = 7200
    """Longer wishes are shortened."""
    max_contacts: int = 10
    """Devices for one account."""

    def __post_init__(self) -> None:
        if not 1 <= self.min_expires_s <= min(_HOUR_S, self.max_expires_s) or self.max_contacts < 1:
            raise ValueError("min_expires_s is 1 to 3600 and at most max_expires_s; max_contacts at least 1")


@dataclass(frozen=True, slots=True)
class Contact:
    """One Contact of a REGISTER, read leniently."""

    uri: SipUri
    expires_s: int | None = None
    """Its own `expires`; None: as the request's Expires says."""
    q: int = _FULL_Q
    """Preference in thousandths, 0 to 1000 (RFC 3261 §20.10)."""
    instance: str = ""
    """`+sip.instance` and `reg-id` (RFC 5626 §4.1); empty when the device doesn't name itself."""

    @classmethod
    def read(cls, address: NameAddr) -> "Contact | None":
        """From a Contact value; None for a URI that isn't sip or sips, which nothing can be sent to."""
        if not isinstance(address.uri, SipUri):
            return None
        params = address.params
        expires = params.get("expires")
        instance = params.get("+sip.instance") or ""
        return cls(
            address.uri,
            None if "expires" not in params else read_expires(expires or ""),
            _read_q(params.get("q")),
            f"{instance};{params.get('reg-id') or ''}" if instance else "",
        )


@dataclass(frozen=True, slots=True)
class Binding:
    """One registered device of an account."""

    uri: SipUri
    q: int
    deadline: float
    """Monotonic second at which it ends."""
    call_id: str
    cseq: int
    flow: Flow | None
    """What the REGISTER came on; None: it came by a `path`, or before the node's start."""
    instance: str = ""
    source: str = ""
    """Where it came from, and over which transport (`sip.fronted.described`)."""
    user_agent: str = ""
    path: tuple[str, ...] = ()
    """Route values that lead to it (RFC 3327), top first; none: `flow` does, or its URI."""
    fronted: bool = False
    """Whether a front of the service's own took it (`sip.fronted`): `source` is as that saw it."""
    secret: str = ""
    """The name of the account's secret that proved it; empty: an older release took it, and didn't say."""

    @property
    def next_hop(self) -> SipUri | Flow:
        """Where a request to it goes now: its flow while that is open, else a URI to locate. That is the
        first of its Path, as it stands there, or its own, by TLS alone if it registered over TLS: a flow
        closes with the node that holds it, and after a restart there is none.
        """
        flow = self.flow
        if flow is not None and not flow.closed:
            return flow
        first = NameAddr.parse(self.path[0]).uri if self.path else None
        return first if isinstance(first, SipUri) else as_private(self.uri, self._registered_over)

    @property
    def leads_by(self) -> tuple[SipUri, ...]:
        """Every URI that says where a request to it goes, here or further on: none while that is its own flow
        alone.
        """
        if not self.path and not self.fronted:
            hop = self.next_hop
            return (hop,) if isinstance(hop, SipUri) else ()
        routes = [NameAddr.parse(value).uri for value in self.path]
        hops = [uri for uri in routes if isinstance(uri, SipUri)]
        return (*hops, *(uri for uri in map(_received, hops) if uri is not None), self.uri)

    @property
    def first_transport(self) -> Transport:
        """What a request to it leaves by. A URI that leaves it to DNS counts as UDP (RFC 3263 §4.1)."""
        hop = self.next_hop
        return (asked_transport(hop) or Transport.UDP) if isinstance(hop, SipUri) else hop.transport

    @property
    def transport(self) -> str:
        """`UDP`, `TCP` or `TLS`: what a request to it goes by, whatever its Contact says. Between a front of
        the service's own and the device it is what that has to it, which may be something else yet.
        """
        return self._registered_over if self.fronted else self.first_transport

    @property
    def _registered_over(self) -> str:
        return self.source.partition(" ")[0]

    def remaining_s(self, now: float) -> int:
        """Seconds left, for the `expires` of the answer."""
        return max(0, round(self.deadline - now))


@dataclass(frozen=True, slots=True)
class RegistrationRefused:
    """Why a REGISTER changes nothing."""

    status: int
    """400, 423 or 500."""
    detail: str
    min_expires_s: int | None = None
    """For Min-Expires, with 423."""


def read_expires(text: str) -> int:
    """The seconds of an Expires value or parameter; a malformed one is 3600 (RFC 3261 §10.2.1.1, §20.19)."""
    text = text.strip()
    if not (text.isascii() and text.isdigit()):
        return MALFORMED_EXPIRES_S
    return int(text) if len(text) <= 10 and int(text) <= _MAX_EXPIRES_S else _MAX_EXPIRES_S


def _read_q(text: str | None) -> int:
    """Thousandths of a qvalue (RFC 3261 §25.1); absent or malformed is the full 1000."""
    if text is None:
        return _FULL_Q
    whole, _, fraction = text.strip().partition(".")
    if whole not in {"0", "1", ""} or not (fraction + "0").isdecimal() or len(fraction) > 3:
        return _FULL_Q
    return min(_FULL_Q, int(whole or "0") * _FULL_Q + int((fraction + "000")[:3]))


class Registrations:
    """The bindings of all accounts."""

    __slots__ = ("_bindings", "_clock", "policy")

    def __init__(self, clock: Clock, policy: RegistrationPolicy | None = None) -> None:
        self._clock = clock
        self._bindings: dict[str, tuple[Binding, ...]] = {}
        self.policy = policy or RegistrationPolicy()

    def register(
        self,
        account: str,
        *,
        call_id: str,
        cseq: int,
        contacts: Sequence[Contact],
        expires_s: int | None = None,
        flow: Flow | None = None,
        path: tuple[str, ...] = (),
        source: str = "",
        user_agent: str = "",
        fronted: bool = False,
        secret: str = "",
        until: float | None = None,
    ) -> tuple[Binding, ...] | RegistrationRefused:
        """Apply a REGISTER's contacts (step 7) and return all bindings of the account, or refuse it and
        change nothing.

        `expires_s` is the Expires header field. Without contacts it is a query (step 8). None is granted
        more than `until` (monotonic), at which its `secret` ends.
        """
        now = self._clock.now()
        most_s = self.policy.max_expires_s if until is None else max(1, math.floor(until - now))
        before = self.bindings(account)
        bindings = list(before)
        for contact in contacts:
            granted = self._granted(contact, expires_s)
            if isinstance(granted, RegistrationRefused):
                return granted
            replaced = [binding for binding in bindings if same_device(binding, contact)]
            if any(item in before and item.call_id == call_id and item.cseq >= cseq for item in replaced):
                return RegistrationRefused(500, "the CSeq is not higher than that of the binding")
            for binding in replaced:
                bindings.remove(binding)
            if granted > 0:
                bindings.append(
                    Binding(
                        contact.uri,
                        contact.q,
                        now + min(granted, most_s),
                        call_id,
                        cseq,
                        flow,
                        contact.instance,
                        source,
                        user_agent,
                        path,
                        fronted,
                        secret,
                    )
                )
        self._drop_surplus(bindings, call_id, cseq)
        return self._store(account, bindings)

    def remove_all(
        self, account: str, *, call_id: str, cseq: int, expires_s: int | None
    ) -> tuple[Binding, ...] | RegistrationRefused:
        """Apply a REGISTER with `Contact: *` (step 6): remove every binding, or refuse."""
        if expires_s != 0:
            return RegistrationRefused(400, "Contact: * needs Expires: 0")
        if any(
            binding.call_id == call_id and binding.cseq >= cseq for binding in self._bindings.get(account, ())
        ):
            return RegistrationRefused(500, "the CSeq is not higher than that of the binding")
        return self._store(account, [])

    def take_over(self, account: str, binding: Binding) -> None:
        """A device has registered at another node: this replaces what it had here. Beyond `max_contacts`
        another one is dropped, the one that would end first.
        """
        bindings = [one for one in self.bindings(account) if not same_device(one, binding)]
        bindings.append(binding)
        self._drop_surplus(bindings, binding.call_id, binding.cseq)
        self._store(account, bindings)

    def remove(self, account: str, binding: Binding) -> None:
        """Drop one binding; one that isn't there any more, or was replaced, stays as it is."""
        self._store(account, [one for one in self.bindings(account) if one is not binding])

    def restore(self, account: str, bindings: Iterable[Binding]) -> None:
        """Take over bindings from before a restart, where the account has registered nothing since."""
        if account not in self._bindings:
            self._store(account, list(bindings))

    def _granted(self, contact: Contact, expires_s: int | None) -> int | RegistrationRefused:
        policy = self.policy
        wanted = contact.expires_s
        if wanted is None:
            wanted = policy.default_expires_s if expires_s is None else expires_s
        if 0 < wanted < policy.min_expires_s:
            return RegistrationRefused(423, "the interval is too brief", policy.min_expires_s)
        return min(wanted, policy.max_expires_s)

    def _drop_surplus(self, bindings: list[Binding], call_id: str, cseq: int) -> None:
        """Keep to `max_contacts`; what a request with that Call-ID and number has brought goes last."""
        while len(bindings) > self.policy.max_contacts:
            bindings.remove(
                min(bindings, key=lambda one: ((one.call_id, one.cseq) == (call_id, cseq), one.deadline))
            )

    def _store(self, account: str, bindings: list[Binding]) -> tuple[Binding, ...]:
        bindings.sort(key=lambda binding: (-binding.q, -binding.deadline))
        stored = tuple(bindings)
        if stored:
            self._bindings[account] = stored
        else:
            self._bindings.pop(account, None)
        return stored

    def bindings(self, account: str) -> tuple[Binding, ...]:
        """The live bindings of an account in the order in which to call them: by q, then the longest-lived
        first."""
        stored = self._bindings.get(account, ())
        now = self._clock.now()
        if any(binding.deadline <= now for binding in stored):
            return self._store(account, [binding for binding in stored if binding.deadline > now])
        return stored

    def flow_closed(self, flow: Flow) -> list[str]:
        """Drop the bindings whose path is gone (RFC 5626 §7); return the accounts that lost one. Linear."""
        return self._drop(lambda binding: binding.flow is flow)

    def expire(self) -> list[str]:
        """Drop what has expired; return the accounts that lost a binding. Linear: to be called now and
        then."""
        now = self._clock.now()
        return self._drop(lambda binding: binding.deadline <= now)

    def keep(self, account: str, ends: Mapping[str, float | None]) -> bool:
        """Only the bindings that a secret named in `ends` has proved, and none for longer than that is good:
        to a monotonic second, or for good. Whose secret is not known stay, unless there is none at all.
        Whether that changes anything.
        """
        before = self.bindings(account)
        kept = [
            _ending(one, ends.get(one.secret))
            for one in before
            if one.secret in ends or (ends and not one.secret)
        ]
        changed = [*map(id, before)] != [*map(id, kept)]
        if changed:
            self._store(account, kept)
        return changed

    def _drop(self, gone: Callable[[Binding], bool]) -> list[str]:
        changed = [key for key, bindings in self._bindings.items() if any(gone(item) for item in bindings)]
        for key in changed:
            self._store(key, [item for item in self._bindings[key] if not gone(item)])
        return changed

    def accounts(self) -> Iterable[str]:
        """The accounts with bindings, expired ones perhaps included."""
        return self._bindings.keys()

    def __len__(self) -> int:
        """Bindings held, expired ones perhaps included."""
        return sum(len(bindings) for bindings in self._bindings.values())


def _ending(binding: Binding, end: float | None) -> Binding:
    return binding if end is None or binding.deadline <= end else replace(binding, deadline=end)


def _received(hop: SipUri) -> SipUri | None:
    """Where a proxy that has put itself into the Path says that it sends to (Kamailio's path module)."""
    try:
        return SipUri.parse(unquote(hop.params.get("received") or ""))
    except SipSyntaxError:
        return None


def same_device(binding: Binding, contact: Contact | Binding) -> bool:
    """Whether `contact` is of the device of `binding` (RFC 5626 §6, RFC 3261 §10.3 step 7)."""
    if contact.instance and contact.instance == binding.instance:
        return True
    return binding.uri.equivalent(contact.uri)
