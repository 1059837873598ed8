"""Where the carriers' gateways listen, so that no call to a number goes on to one of them.

A gateway takes calls from our address without a question. A customer who forwards to `…@gateway`, or has a
device registered there, would call the world through it: past routes, limits, cost and the watch for fraud.
So endpoints are never called there (`plan_inbound`, `trunkline.sip.delivery`), unless
`forwarding.to_gateways` says otherwise.

A place is an `Address`; its host is an IP address, or a name that stands for itself until it is resolved
(`trunkline.call.gateway_finder` adds what it resolves to). The transport does not count. The port does, as
one machine may be gateway and PBX: a gateway at a standard port (5060, 5061) has both, since where SIP is
served at one of them it mostly is at the other; one at another port has that alone. Gateways of disabled
carriers count, for they may still trust us.
"""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import ip_address

from trunkline.sip.ports import Address
from trunkline.sip.uri import SipUri
from trunkline.trunk.directory import Directory
from trunkline.trunk.forwarding import PASSED_OVER, ForwardingList

Places = frozenset[Address]
STANDARD_PORTS = (5060, 5061)
"""RFC 3261 §19.1.2."""
NONE_BARRED: Places = frozenset()
WARNING = f"the address is a carrier's gateway; {PASSED_OVER}"


def gateway_uris(directory: Directory) -> list[SipUri]:
    """Of all carriers, each with the transport that it is called by."""
    return [carrier.uri_of(gateway) for carrier in directory.carriers() for gateway in carrier.gateways]


def places_of(gateways: Iterable[SipUri], found: Iterable[Address] = ()) -> Places:
    """Everything that counts as one of `gateways`, which have been `found` at these addresses."""
    there = [*map(place_of, gateways), *found]
    return frozenset(
        Address(place.host, port)
        for place in there
        for port in (STANDARD_PORTS if place.port in STANDARD_PORTS else (place.port,))
    )


def place_of(uri: SipUri) -> Address:
    """Where `uri` leads by its own words. Without a port it is a standard one, whatever the transport."""
    return Address(_spelt(uri.maddr or uri.host), uri.port or STANDARD_PORTS[0])


@lru_cache(maxsize=4096)
def _spelt(host: str) -> str:
    """The one spelling of a host; an IPv4-mapped address as IPv4."""
    host = host.rstrip(".").lower()
    try:
        address = ip_address(host)
    except ValueError:
        return host
    return str(getattr(address, "ipv4_mapped", None) or address)


def warned(forwarding: ForwardingList, places: Places) -> ForwardingList:
    """`forwarding`, with a warning for each entry that names a gateway."""
    return forwarding.with_warnings(
        (number, WARNING)
        for number, endpoint in enumerate(forwarding.endpoints, 1)
        if places and place_of(endpoint.uri) in places
    )
