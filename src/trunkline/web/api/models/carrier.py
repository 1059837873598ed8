"""Carriers and routes."""

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Any, cast

from pydantic import ConfigDict, Field, StringConstraints

from trunkline.errors import DirectoryError
from trunkline.sdp.codecs import CODEC_NAMES
from trunkline.sip.errors import SipSyntaxError
from trunkline.sip.uri import SipUri
from trunkline.store.carriers import CarrierChanges
from trunkline.trunk import bounds
from trunkline.trunk import carrier as domain
from trunkline.trunk.carrier import MAX_RESPONSE_TIMEOUT_MS, MIN_RESPONSE_TIMEOUT_MS, GatewayTransport
from trunkline.trunk.media_policy import DtmfMode, SrtpPolicy
from trunkline.trunk.routes import ALL, MAX_PRICE, MAX_PRIORITY, MAX_WEIGHT, Route, RouteCarrier
from trunkline.web.api.models.base import Body, Flag, Key, Line, Prefix, Real, Whole, without_defaults

Place = Annotated[Whole, Field(ge=0, le=MAX_PRIORITY)]
Share = Annotated[Whole, Field(ge=0, le=MAX_WEIGHT)]


class GatewayBody(Body):
    """One address of a carrier."""

    uri: Annotated[str, StringConstraints(max_length=bounds.MAX_GATEWAY_URI)] = Field(
        description="`sip:host[:port][;transport=…]` or `sips:host`.", examples=["sip:sbc.carrier.example"]
    )
    priority: Place = Field(0, description="Lower first (RFC 2782).")
    weight: Share = Field(1, description="Its share among gateways of the same priority.")


class RewriteBody(Body):
    """For a number that begins with `prefix`: take `strip` digits away in front, then put `prepend` there."""

    prefix: Prefix = Field(description="Empty matches every number.", examples=["44"])
    strip: Annotated[Whole, Field(ge=0, le=15)] = Field(0, examples=[2])
    prepend: Annotated[str, StringConstraints(pattern=r"^\+?[0-9*#]{0,24}$")] = Field("", examples=["0"])


class CredentialsView(Body):
    """What the service answers the carrier's challenges with. The secret is never shown."""

    user: Annotated[Line, StringConstraints(min_length=1)] = Field(examples=["us"])
    realm: Line | None = Field(None, description="Answer only challenges of this realm. null: of any.")


class NewCredentials(CredentialsView):
    """The same, with the secret."""

    secret: Annotated[Line, StringConstraints(min_length=1)] = Field(
        description="Kept encrypted.", examples=["correct horse"]
    )


Rules = Annotated[tuple[RewriteBody, ...], Field(max_length=bounds.MAX_RULES)]


class CarrierShared(Body):
    """What an upstream peer wants to be talked to like."""

    gateways: Annotated[tuple[GatewayBody, ...], Field(max_length=bounds.MAX_GATEWAYS)] = Field(
        (), description="Where calls to it go. None: it only brings calls."
    )
    enabled: Flag = Field(True, description="Without it, it gets no calls and none are taken from it.")
    called_rules: Rules = Field((), description="For the called number of calls to it.")
    caller_rules: Rules = Field((), description="For the caller's number of calls to it.")
    inbound_called_rules: Rules = Field((), description="For the called number of calls from it.")
    inbound_caller_rules: Rules = Field((), description="For the caller's number of calls from it.")
    registers: Flag = Field(False, description="Register with its first gateway.")
    codecs: Annotated[tuple[str, ...], Field(max_length=len(CODEC_NAMES))] = Field(
        CODEC_NAMES,
        description="What its side of a call may use, preferred first.",
        examples=[["PCMA", "G729"]],
    )
    transcoding: Flag = Field(True, description="Whether codecs that the far end lacks are translated.")
    srtp: SrtpPolicy = Field(SrtpPolicy.ALLOWED, description="Encrypted audio.")
    dtmf: DtmfMode = Field(DtmfMode.AUTO, description="How digits are sent to it.")
    transport: GatewayTransport = Field(GatewayTransport.UDP, description="Of gateways whose URI names none.")
    verify_tls: Flag = Field(False, description="Whether its certificate has to match the gateway's name.")
    sources: Annotated[tuple[Line, ...], Field(max_length=bounds.MAX_SOURCES)] = Field(
        (), description="Addresses or CIDR ranges that its calls come from.", examples=[["198.51.100.0/28"]]
    )
    inbound_account: Key | None = Field(
        None, description="Its calls come with the digest credentials of this account."
    )
    pings: Flag = Field(True, description="Whether its gateways are asked for their health.")
    ping_interval_s: Annotated[Real | None, Field(ge=1, le=3600)] = Field(
        None, description="Seconds between two pings. null: as configured."
    )
    response_timeout_ms: Annotated[
        Whole | None, Field(ge=MIN_RESPONSE_TIMEOUT_MS, le=MAX_RESPONSE_TIMEOUT_MS)
    ] = Field(None, description="Silence that moves a call to the next gateway. null: as configured.")
    ring_timeout_s: Annotated[Real | None, Field(ge=1, le=domain.MAX_RING_TIMEOUT_S)] = Field(
        None, description="How long a call may ring. null: as configured."
    )
    from_host: Annotated[str, StringConstraints(max_length=domain.MAX_HOST)] | None = Field(
        None, description="Host of From towards it. null: the service domain."
    )
    trusted: Flag = Field(False, description="Whether it is told withheld caller IDs (RFC 3325).")


class CarrierFields(CarrierShared):
    """The same, to be written."""

    credentials: NewCredentials | None = Field(None, description="null: it asks for none.")

    def changes(self) -> CarrierChanges:
        """The fields that were given, as the store takes them. Raises `DirectoryError`."""
        given = {
            _FIELD_NAMES.get(name, name): _READERS.get(name, _as_it_is)(getattr(self, name))
            for name in self.model_fields_set
            if name != "name"
        }
        return cast("CarrierChanges", given)


class NewName(Body):
    """What will name a carrier."""

    name: Key = Field(examples=["upstream"])


class NewCarrier(CarrierFields, NewName):
    """A carrier to be."""

    def read(self) -> domain.Carrier:
        """Raises `DirectoryError`."""
        return replace(domain.Carrier(self.name, ()), **self.changes())


class CarrierUpdate(CarrierFields):
    """What to change about a carrier; fields left out stay."""

    model_config = ConfigDict(json_schema_extra=without_defaults)


class HasName(Body):
    """What names a carrier."""

    name: str = Field(examples=["upstream"])


class CarrierView(CarrierShared, HasName):
    """An upstream SIP peer."""

    credentials: CredentialsView | None

    @classmethod
    def of(cls, carrier: domain.Carrier) -> "CarrierView":
        def rules(kept: tuple[domain.Rewrite, ...]) -> tuple[RewriteBody, ...]:
            return tuple(RewriteBody.shown(one) for one in kept)

        credentials = carrier.credentials
        return cls.shown(
            carrier,
            gateways=tuple(GatewayBody.shown(one, uri=str(one.uri)) for one in carrier.gateways),
            called_rules=rules(carrier.called_rules),
            caller_rules=rules(carrier.caller_rules),
            inbound_called_rules=rules(carrier.inbound_called_rules),
            inbound_caller_rules=rules(carrier.inbound_caller_rules),
            registers=carrier.register,
            sources=tuple(str(network) for network in carrier.sources),
            credentials=None if credentials is None else CredentialsView.shown(credentials),
        )


class CarrierPage(Body):
    """Some carriers by name."""

    items: list[CarrierView]
    next: str | None = Field(description="`after` of the page behind; null: that was the last.")


class RouteCarrierBody(Body):
    """One carrier of a route."""

    carrier: Key = Field(examples=["upstream"])
    priority: Place = Field(0, description="Lower first (RFC 2782).")
    weight: Share = Field(1, description="Its share among carriers of the same priority.")


class RouteCarriers(Body):
    """The carriers of a prefix."""

    carriers: Annotated[
        tuple[RouteCarrierBody, ...], Field(min_length=1, max_length=bounds.MAX_ROUTE_CARRIERS)
    ]
    price_per_minute: Annotated[Real, Field(ge=0, le=MAX_PRICE)] = Field(
        0.0,
        description="What a minute costs the account, in your currency: for its limit of cost.",
        examples=[0.012],
    )

    def route(self, prefix: str) -> Route:
        """Of `prefix`, or of all numbers. Raises `DirectoryError`."""
        return Route(
            prefix_of(prefix),
            tuple(RouteCarrier(one.carrier, one.priority, one.weight) for one in self.carriers),
            self.price_per_minute,
        )


class NewPrefix(Body):
    """What will name a route."""

    prefix: Annotated[str, StringConstraints(pattern=r"^([0-9]{1,15}|all)$")] = Field(
        description="E.164 digits that called numbers begin with; `all` matches every number.",
        examples=["44"],
    )


class NewRoute(RouteCarriers, NewPrefix):
    """A route to be."""


class HasPrefix(Body):
    """What names a route."""

    prefix: str = Field(description="`all` matches every number.", examples=["44"])


class RouteView(RouteCarriers, HasPrefix):
    """Which carriers take the numbers that begin with a prefix; the longest prefix decides."""

    @classmethod
    def of(cls, route: Route) -> "RouteView":
        carriers = tuple(RouteCarrierBody.shown(one) for one in route.carriers)
        return cls.shown(route, prefix=route.prefix or ALL, carriers=carriers)


class RoutePage(Body):
    """Some routes by prefix."""

    items: list[RouteView]
    next: str | None = Field(description="`after` of the page behind; null: that was the last.")


class RouteTest(Body):
    """The route that calls to a number take."""

    number: str = Field(examples=["442079460123"])
    route: RouteView | None = Field(description="null: there is none; such a call is answered 404.")


def prefix_of(word: str) -> str:
    """A prefix as it stands in paths and bodies: digits, or `all`."""
    return "" if word == ALL else word


def _gateways(bodies: tuple[GatewayBody, ...]) -> tuple[domain.Gateway, ...]:
    return tuple(domain.Gateway(_uri(one.uri), one.priority, one.weight) for one in bodies)


def _uri(text: str) -> SipUri:
    try:
        return SipUri.parse(text if text.lower().startswith(("sip:", "sips:")) else f"sip:{text}")
    except SipSyntaxError as error:
        raise DirectoryError(f"gateway {text!r}: {error}") from None


def _rules(bodies: tuple[RewriteBody, ...]) -> tuple[domain.Rewrite, ...]:
    return tuple(domain.Rewrite(one.prefix, one.strip, one.prepend) for one in bodies)


def _credentials(body: NewCredentials | None) -> domain.CarrierCredentials | None:
    return None if body is None else domain.CarrierCredentials(body.user, body.secret, body.realm)


def _networks(texts: tuple[str, ...]) -> tuple[domain.Network, ...]:
    return tuple(domain.parse_network(text) for text in texts)


def _as_it_is(value: Any) -> Any:
    return value


_FIELD_NAMES = {"registers": "register"}
"""A body can't have a field of that name."""
_READERS: dict[str, Callable[[Any], Any]] = {
    "gateways": _gateways,
    "called_rules": _rules,
    "caller_rules": _rules,
    "inbound_called_rules": _rules,
    "inbound_caller_rules": _rules,
    "credentials": _credentials,
    "sources": _networks,
}
