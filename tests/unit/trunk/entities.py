"""Accounts, numbers and carriers to test with."""

from collections.abc import Sequence

from trunkline.sip.name_addr import NameAddr
from trunkline.sip.uri import SipUri
from trunkline.trunk.account import Account
from trunkline.trunk.caller_id import CallerIdentity, read_identity
from trunkline.trunk.carrier import Carrier, Gateway
from trunkline.trunk.directory import Directory, Snapshot
from trunkline.trunk.forwarding import ForwardingList
from trunkline.trunk.number import Number
from trunkline.trunk.number_table import NumberTable
from trunkline.trunk.routes import Route, RouteCarrier

DOMAIN = "sip.example.net"


def gateway(text: str, priority: int = 0, weight: int = 1) -> Gateway:
    return Gateway(SipUri.parse(text), priority, weight)


def first(weights: Sequence[int]) -> int:
    """Always picks the first."""
    return 0


def caller(text: str = "<sip:447700900123@pbx.example.com>") -> CallerIdentity:
    """The identity of a caller who sends only this From."""
    return read_identity(NameAddr.parse(text))


ACME = Account("acme")
ALPHA = Carrier(
    "alpha", (gateway("sip:gw1.alpha.example"), gateway("sip:gw2.alpha.example:5070", priority=1))
)
BETA = Carrier("beta", (gateway("sip:192.0.2.50"),))
ROUTE_44 = Route("44", (RouteCarrier("alpha"), RouteCarrier("beta", priority=1)))
NUMBER = Number("441632960000", "acme", ForwardingList.parse("100@pbx1.example, sip:100@pbx2.example"))


def table(*numbers: Number) -> NumberTable:
    """A table that holds them."""
    held = NumberTable()
    for number in numbers:
        held.put(number)
    return held


def directory(
    *,
    accounts: Sequence[Account] = (ACME,),
    numbers: Sequence[Number] = (NUMBER,),
    carriers: Sequence[Carrier] = (ALPHA, BETA),
    routes: Sequence[Route] = (ROUTE_44,),
) -> Directory:
    return Directory(Snapshot(tuple(accounts), table(*numbers), tuple(carriers), tuple(routes)))
