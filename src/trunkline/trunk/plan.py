"""The plan of a call: whether it may be made, whereto in which order, and as whom.

`plan_outbound` and `plan_inbound` decide real calls and tell `trunkline explain` what would happen: it is the
same code, and `trace` takes the steps in plain words. Inputs are values and lookups; nothing is changed. What
comes after the plan: `limits` admits the call, `Hunt` walks the targets (`plan.hunt`), `plan.leg` says what
goes into the INVITE for each of them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from trunkline.sip.name_addr import NameAddr
from trunkline.sip.ports import Flow, Transport, asked_transport
from trunkline.sip.uri import SipUri
from trunkline.trunk.account import Account
from trunkline.trunk.caller_id import CallerIdentity, Headers, apply_policy, from_address, identity_headers
from trunkline.trunk.carrier import Carrier, CarrierCredentials, Gateway, rewrite
from trunkline.trunk.destinations import deciding_prefix
from trunkline.trunk.directory import Directory
from trunkline.trunk.e164 import (
    MalformedNumber,
    destination,
    is_number,
    normalise,
    number_or_none,
    number_text,
)
from trunkline.trunk.forwarding import Endpoint, MediaProtection
from trunkline.trunk.gateway_addresses import NONE_BARRED, Places, place_of
from trunkline.trunk.health import HealthBook, HealthKey, prefer_up
from trunkline.trunk.hunt import Hunt, HuntTarget, Rules
from trunkline.trunk.media_policy import MediaPolicy, SrtpPolicy
from trunkline.trunk.number import Number
from trunkline.trunk.number_record import server_of
from trunkline.trunk.registrations import Binding
from trunkline.trunk.routes import Pick, Route, in_order
from trunkline.trunk.verdict import Slug, Verdict

Trace = list[str]
IsUp = Callable[[HealthKey], bool]
BindingsOf = Callable[[str], Sequence[Binding]]


def always_up(key: HealthKey) -> bool:  # noqa: ARG001 - the signature of `IsUp`
    """Where nothing is known of anybody's health."""
    return True


def nobody_registered(account: str) -> Sequence[Binding]:  # noqa: ARG001 - the signature of `BindingsOf`
    """Where nothing is known of anybody's devices."""
    return ()


def _as_user(number: str) -> str:
    """A rewritten number as a user part, where `#` has to be escaped (RFC 3261 §25.1)."""
    return number.replace("#", "%23")


@dataclass(frozen=True, slots=True)
class FarLeg:
    """What goes into the INVITE towards one target."""

    request_uri: SipUri
    from_: NameAddr
    """Without a tag."""
    to: NameAddr
    headers: Headers
    """Identity headers, ready for the wire."""
    media: MediaPolicy
    """How audio may be agreed on with the target."""
    credentials: CarrierCredentials | None
    """For the target's challenge."""
    next_hop: SipUri | Flow | None
    """Where a registered device is reached (`Binding.next_hop`); None: `request_uri` is located."""
    path: tuple[str, ...]
    """Route values that lead to a registered device (RFC 3327)."""
    response_timeout_ms: int | None
    """Silence for this long moves on; None: the node's setting."""
    ring_timeout_s: float | None
    """Ringing for this long ends the call; None: the node's setting."""
    verify_tls: bool | None
    """Whether the certificate must be valid; None: the node's setting."""
    carrier: str | None
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayTarget(HuntTarget):
    """One gateway to try for an outbound call."""

    carrier: Carrier
    gateway: Gateway


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointTarget(HuntTarget):
    """One endpoint to try for an inbound call; `binding` is the registered device that stands for it, if any
    does."""

    endpoint: Endpoint
    binding: Binding | None = None


@dataclass(frozen=True, slots=True)
class OutboundPlan:
    """A call that may be made, from a customer to a carrier."""

    account: Account
    called: str
    """E.164 digits."""
    caller: CallerIdentity
    targets: tuple[GatewayTarget, ...]
    """In the order in which to try them; at least one."""
    service_domain: str
    price_per_minute: float

    @property
    def caller_media(self) -> MediaPolicy:
        """How audio may be agreed on with the customer."""
        return self.account.media_policy

    def hunt(self, health: HealthBook | None = None) -> Hunt[GatewayTarget]:
        """A fresh hunt over the targets."""
        return Hunt(self.targets, Rules.GATEWAYS, health)

    def leg(self, target: GatewayTarget) -> FarLeg:
        """The INVITE for one of the targets."""
        carrier, gateway = target.carrier, target.gateway
        called = _as_user(rewrite(carrier.called_rules, self.called))
        caller = self.caller
        user = caller.user
        if caller.number is not None:
            user = _as_user(rewrite(carrier.caller_rules, caller.number))
        host = carrier.from_host or self.service_domain
        return FarLeg(
            request_uri=carrier.uri_of(gateway, called),
            from_=from_address(caller, user, host),
            to=NameAddr(None, SipUri("sip", called, gateway.uri.host)),
            headers=identity_headers(caller, user, host, trusted=carrier.trusted),
            media=carrier.media_policy,
            credentials=carrier.credentials,
            next_hop=None,
            path=(),
            response_timeout_ms=carrier.response_timeout_ms,
            ring_timeout_s=carrier.ring_timeout_s,
            verify_tls=carrier.verify_tls,
            carrier=carrier.name,
            label=target.label,
        )


@dataclass(frozen=True, slots=True)
class InboundPlan:
    """A call that may be made, from a carrier to a customer's endpoints."""

    account: Account
    number: Number
    caller: CallerIdentity
    targets: tuple[EndpointTarget, ...]
    """In the order in which to try them; at least one."""
    service_domain: str
    caller_media: MediaPolicy
    """How audio may be agreed on with the carrier."""

    @property
    def called(self) -> str:
        """E.164 digits."""
        return self.number.e164

    def hunt(self, health: HealthBook | None = None, timeout_status: int = 486) -> Hunt[EndpointTarget]:
        """A fresh hunt over the targets."""
        return Hunt(self.targets, Rules.FORWARDING, health, timeout_status)

    def leg(self, target: EndpointTarget) -> FarLeg:
        """The INVITE for one of the targets. From and To are of the service domain."""
        endpoint, binding = target.endpoint, target.binding
        caller = self.caller
        domain = self.service_domain
        return FarLeg(
            request_uri=endpoint.uri if binding is None else binding.uri,
            from_=from_address(caller, caller.user, domain),
            to=NameAddr(None, SipUri("sip", self.number.e164, domain)),
            headers=identity_headers(caller, caller.user, domain, trusted=False),
            media=endpoint_media(self.account, endpoint),
            credentials=None,
            next_hop=None if binding is None else binding.next_hop,
            path=() if binding is None else binding.path,
            response_timeout_ms=endpoint.timeout_ms,
            ring_timeout_s=self.number.ring_timeout_s,
            verify_tls=None,
            carrier=None,
            label=target.label,
        )


def plan_outbound(
    directory: Directory,
    account: Account,
    dialled: str,
    caller: CallerIdentity,
    *,
    service_domain: str,
    pick: Pick,
    guarded: tuple[str, ...] = (),
    srtp_needs_tls: bool = False,
    is_up: IsUp = always_up,
    trace: Trace | None = None,
) -> OutboundPlan | Verdict:
    """Plan a customer's call to `dialled`, the Request-URI's user as received.

    Checked in this order: the account, the number, the destination, the caller ID, the route. `guarded` are
    the prefixes that an account has to be allowed by name (`destinations`). `is_up` tells of a gateway's
    health key whether it is up (`HealthBook.is_up`); with `srtp_needs_tls`, one that wants SRTP over
    something else is not tried.
    """
    note: Trace = [] if trace is None else trace
    if account.blocked:
        note.append(f"Account {account.key} is blocked.")
        return Verdict.of(Slug.ACCOUNT_BLOCKED)
    note.append(f"Account {account.key} is active.")
    try:
        called = destination(dialled)
    except MalformedNumber as error:
        note.append(f"What was dialled is not an E.164 number: it {error.reason}.")
        return Verdict.of(Slug.MALFORMED_NUMBER, detail=f"the number {error.reason}")
    note.append(f"{dialled} is the number {called}.")
    refused = _destination(account, called, guarded, note)
    if refused is not None:
        return refused
    presented = apply_policy(caller, account, lambda number: directory.owns(account.key, number))
    note.append(_caller_words(caller, presented, account))
    if isinstance(presented, Verdict):
        return presented
    route = directory.route_for(called)
    if route is None:
        note.append(f"No route has a prefix of {called}.")
        return Verdict.of(Slug.NO_ROUTE, detail=f"no route has a prefix of {called}")
    targets = _gateways(directory, route, pick, is_up, srtp_needs_tls, note)
    if not targets:
        return Verdict.of(
            Slug.NO_ROUTE, detail=f"route '{route.prefix}' leads to no carrier that takes calls"
        )
    return OutboundPlan(account, called, presented, targets, service_domain, route.price_per_minute)


def _destination(account: Account, called: str, guarded: tuple[str, ...], note: Trace) -> Verdict | None:
    may_call, prefix = deciding_prefix(account, called, guarded)
    why = "no prefix of the account's lists matches it" if prefix is None else f"prefix {prefix} decides"
    if not may_call and prefix in guarded and prefix not in account.denied_prefixes:
        why = f"prefix {prefix} is guarded: it has to be allowed for the account by name"
    if may_call:
        note.append(f"The account may call {called}: {why}.")
        return None
    note.append(f"The account may not call {called}: {why}.")
    return Verdict.of(Slug.DESTINATION_FORBIDDEN, detail=why)


def _caller_words(caller: CallerIdentity, presented: CallerIdentity | Verdict, account: Account) -> str:
    policy = account.caller_id_policy
    sent = caller.number or caller.user or "no number"
    if isinstance(presented, Verdict):
        wish = f"policy '{policy}' wants a number of the account"
        return f"Caller ID {sent} (from {caller.source}) is refused: {wish}."
    shown = presented.number or presented.user or "no number"
    words = f"Caller ID {sent} (from {caller.source}) is presented as {shown}: policy '{policy}'"
    return f"{words}; it is withheld from the callee." if presented.restricted else f"{words}."


def _gateways(
    directory: Directory, route: Route, pick: Pick, is_up: IsUp, srtp_needs_tls: bool, note: Trace
) -> tuple[GatewayTarget, ...]:
    prefix = f"Route {route.prefix}" if route.prefix else "The route for every number"
    targets: list[GatewayTarget] = []
    names: list[str] = []
    for item in in_order(route.carriers, pick):
        carrier = directory.carrier(item.carrier)
        if carrier is None or not carrier.enabled or not carrier.gateways:
            why = (
                "does not exist"
                if carrier is None
                else "is disabled"
                if not carrier.enabled
                else "has no gateway"
            )
            note.append(f"Carrier {item.carrier} is left out: it {why}.")
            continue
        names.append(carrier.name)
        for gateway in in_order(carrier.gateways, pick):
            label = str(gateway.uri)
            key = gateway_health_key(carrier, gateway)
            uri = carrier.uri_of(gateway)
            media = carrier.media_policy
            missing = _keys_exposed(media, uri, asked_transport(uri), srtp_needs_tls, note)
            targets.append(
                GatewayTarget(label=label, health_key=key, missing=missing, carrier=carrier, gateway=gateway)
            )
    note.append(f"{prefix} leads to {', then '.join(names) or 'no carrier that takes calls'}.")
    ordered, down = prefer_up(targets, lambda target: target.health_key is None or is_up(target.health_key))
    _note_targets(ordered, down, note)
    return tuple(ordered)


def gateway_health_key(carrier: Carrier, gateway: Gateway) -> HealthKey:
    """The name of a carrier's gateway in the `HealthBook`. It shares no server: a customer who forwards to
    the same one has no say in its health."""
    return HealthKey(carrier.name, str(gateway.uri))


def endpoint_health_key(number: Number, endpoint: Endpoint) -> HealthKey:
    """The name of a number's endpoint in the `HealthBook`."""
    return HealthKey(number.e164, str(endpoint.uri), server_of(endpoint.uri))


def called_number(directory: Directory, carrier: Carrier, dialled: str) -> Number | None:
    """The number of ours that a carrier's call is for, whatever becomes of the call; None: there is none."""
    try:
        return directory.number(normalise(rewrite(carrier.inbound_called_rules, number_text(dialled))))
    except MalformedNumber:
        return None


def plan_inbound(
    directory: Directory,
    carrier: Carrier,
    dialled: str,
    caller: CallerIdentity,
    *,
    service_domain: str,
    srtp_needs_tls: bool = False,
    barred: Places = NONE_BARRED,
    is_up: IsUp = always_up,
    bindings_of: BindingsOf = nobody_registered,
    trace: Trace | None = None,
) -> InboundPlan | Verdict:
    """Plan a carrier's call to `dialled`, the Request-URI's user as received.

    `is_up` tells of an endpoint's health key whether it is up, `bindings_of` which devices an account has
    registered (`Registrations.bindings`), in the order in which to call them. An endpoint that names a
    `barred` place is not tried (`gateway_addresses`); what a name resolves to is seen when it is called.
    """
    note: Trace = [] if trace is None else trace
    try:
        called = normalise(rewrite(carrier.inbound_called_rules, number_text(dialled)))
    except MalformedNumber as error:
        note.append(f"What carrier {carrier.name} dialled is not an E.164 number: it {error.reason}.")
        return Verdict.of(Slug.MALFORMED_NUMBER, detail=f"the number {error.reason}")
    note.append(f"Carrier {carrier.name} calls {dialled}: that is the number {called}.")
    number = directory.number(called)
    account = None if number is None else directory.account(number.account)
    if number is None or account is None:
        note.append(f"No account has the number {called}.")
        return Verdict.of(Slug.UNKNOWN_NUMBER, detail=f"no account has {called}")
    note.append(f"The number belongs to account {account.key}, which is {account.status}.")
    if account.blocked:
        return Verdict.of(Slug.ACCOUNT_BLOCKED)
    if not number.forwarding:
        note.append("It is not forwarded anywhere.")
        return Verdict.of(Slug.NO_FORWARDING)
    caller = _inbound_caller(carrier, caller)
    shown = caller.user or "nobody"
    note.append(f"The caller is {shown} (from {caller.source}){', withheld' if caller.restricted else ''}.")
    targets = _endpoints(account, number, service_domain, bindings_of, note)
    targets = [_guarded(target, account, srtp_needs_tls, note) for target in targets]
    if barred:
        targets = [_kept_from(barred, target, note) for target in targets]
    ordered, down = prefer_up(targets, lambda target: target.health_key is None or is_up(target.health_key))
    _note_targets(ordered, down, note)
    return InboundPlan(account, number, caller, tuple(ordered), service_domain, carrier.media_policy)


def _inbound_caller(carrier: Carrier, caller: CallerIdentity) -> CallerIdentity:
    """The caller as the carrier named it, a number in the form that its rules make of it."""
    if not carrier.inbound_caller_rules or caller.user is None or not is_number(caller.user):
        return caller
    user = _as_user(rewrite(carrier.inbound_caller_rules, caller.user))
    return CallerIdentity(user, number_or_none(user), caller.display, caller.restricted, caller.source)


def _endpoints(
    owner: Account,
    number: Number,
    service_domain: str,
    bindings_of: BindingsOf,
    note: Trace,
) -> list[EndpointTarget]:
    targets: list[EndpointTarget] = []
    for endpoint in number.forwarding.endpoints:
        uri = endpoint.uri
        if endpoint.media is MediaProtection.SRTP and owner.srtp is SrtpPolicy.FORBIDDEN:
            note.append(f"{uri} is passed over: it asks for SRTP, which account {owner.key} forbids.")
            verdict = Verdict.of(Slug.SRTP_UNAVAILABLE, detail=f"{uri}: the account forbids SRTP")
            targets.append(
                EndpointTarget(label=str(uri), health_key=None, missing=verdict, endpoint=endpoint)
            )
            continue
        if uri.host != service_domain:
            key = endpoint_health_key(number, endpoint)
            targets.append(EndpointTarget(label=str(uri), health_key=key, endpoint=endpoint))
            continue
        devices = _devices(owner, uri, bindings_of, note)
        if isinstance(devices, Verdict):
            note.append(f"{uri} can't be reached: {devices.detail}.")
            targets.append(
                EndpointTarget(label=str(uri), health_key=None, missing=devices, endpoint=endpoint)
            )
            continue
        for binding in devices:
            label = f"{uri} at {binding.uri}"
            targets.append(EndpointTarget(label=label, health_key=None, endpoint=endpoint, binding=binding))
    return targets


def _devices(
    owner: Account, uri: SipUri, bindings_of: BindingsOf, note: Trace
) -> Sequence[Binding] | Verdict:
    """The registered devices that the entry `uri` of a number of `owner` stands for: those that are reached
    by the transport that it asks for, if it does; or why there are none. It never stands for anybody else's,
    nor says whether there is such an account.
    """
    key = uri.user_unescaped or ""
    if key != owner.key:
        return Verdict.of(Slug.NOT_REGISTERED, detail=f"'{key}' is not the key of the number's account")
    bindings = bindings_of(key)
    if not bindings:
        return Verdict.of(Slug.NOT_REGISTERED, detail=f"no device is registered for account {key}")
    asked = asked_transport(uri)
    if asked is None:
        return bindings
    there = [each for each in bindings if each.transport == asked]
    if not there:
        others = " and ".join(sorted({each.transport for each in bindings}))
        detail = f"the entry asks for {asked}, and the devices of account {key} are registered over {others}"
        return Verdict.of(Slug.REGISTERED_OTHERWISE, detail=detail)
    note.extend(
        f"{uri} at {each.uri} is passed over: it is registered over {each.transport}."
        for each in bindings
        if each not in there
    )
    return there


def endpoint_media(account: Account, endpoint: Endpoint) -> MediaPolicy:
    """How audio may be agreed on with an endpoint of the account."""
    media = account.media_policy
    return replace(media, srtp=SrtpPolicy.REQUIRED) if endpoint.media is MediaProtection.SRTP else media


def _guarded(target: EndpointTarget, account: Account, srtp_needs_tls: bool, note: Trace) -> EndpointTarget:
    """`target`, missing if the keys of its SRTP would travel readable and must not."""
    if target.missing is not None:
        return target
    uri, binding = target.endpoint.uri, target.binding
    hop = asked_transport(uri)
    if binding is not None:
        uri, hop = binding.uri, binding.first_transport
    missing = _keys_exposed(endpoint_media(account, target.endpoint), uri, hop, srtp_needs_tls, note)
    return target if missing is None else replace(target, health_key=None, missing=missing)


def _kept_from(barred: Places, target: EndpointTarget, note: Trace) -> EndpointTarget:
    """`target`, missing if it names a place where no endpoint is called."""
    if target.missing is not None:
        return target
    binding = target.binding
    uris = (target.endpoint.uri,) if binding is None else binding.leads_by
    uri = next((uri for uri in uris if place_of(uri) in barred), None)
    if uri is None:
        return target
    note.append(f"{target.label} is passed over: {uri} is a carrier's gateway.")
    missing = Verdict.of(Slug.FORWARDS_TO_GATEWAY, detail=f"{target.label}: {uri} is a carrier's gateway")
    return replace(target, health_key=None, missing=missing)


def _keys_exposed(
    media: MediaPolicy, uri: SipUri, hop: Transport | None, srtp_needs_tls: bool, note: Trace
) -> Verdict | None:
    if not srtp_needs_tls or hop is Transport.TLS or media.srtp is not SrtpPolicy.REQUIRED:
        return None
    note.append(
        f"{uri} is passed over: its SRTP keys would travel readable, and media.srtp_needs_tls is set."
    )
    return Verdict.of(Slug.SRTP_UNAVAILABLE, detail=f"{uri}: SRTP keys may travel over TLS only")


def _note_targets(ordered: Sequence[HuntTarget], down: Sequence[HuntTarget], note: Trace) -> None:
    note.extend([f"{target.label} is down: it is kept for the end." for target in down])
    there = [target.label for target in ordered if target.missing is None]
    note.extend([f"Attempt {number}: {label}." for number, label in enumerate(there, 1)])
