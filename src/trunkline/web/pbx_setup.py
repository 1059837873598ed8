"""The facts about one account's PBX: what its configuration has to say, and what has been seen of it.

What a file makes of the one is `pbx.writer`'s business, what the other amounts to `pbx.sighting`'s. The
command line and the dashboard both ask here.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from trunkline.call.record import CallRecord, Direction
from trunkline.config import Settings, SocketAddress
from trunkline.pbx.sighting import Contact, Sighting
from trunkline.pbx.trunk_facts import UNKNOWN_SECRET, Edge, PbxError, TrunkFacts
from trunkline.sip.uri import SipUri, parse_uri
from trunkline.store.calls import CallFilter
from trunkline.store.numbers import NumberFilter
from trunkline.trunk.e164 import normalise
from trunkline.web.edge_list import calling_edges
from trunkline.web.views import host_of

if TYPE_CHECKING:
    from trunkline.store.store import Store
    from trunkline.web.control_client import ControlClient


MAX_NUMBERS = 1000


def trunk_facts(
    settings: Settings,
    store: "Store",
    key: str,
    *,
    tls: bool,
    srtp: bool,
    secret: str = UNKNOWN_SECRET,
    number: str | None = None,
    pbx_port: int | None = None,
) -> TrunkFacts:
    """What the PBX of account `key` has to know. `number` is the one to present, None: the account's first.
    Of its numbers `MAX_NUMBERS` are told.

    Raises `TrunklineError`.
    """
    account = store.accounts.get(key)
    owned = [one.e164 for one in store.numbers.page(NumberFilter(account=key), limit=MAX_NUMBERS).numbers]
    if number is not None:
        shown = normalise(number)
        found = store.numbers.page(NumberFilter(account=key, starts_with=shown), limit=1).numbers
        if shown not in [one.e164 for one in found]:
            raise PbxError(
                f"{shown} is not a number of account {key}: trunkline number list {key} shows them"
            )
        owned = [shown, *(one for one in owned if one != shown)]
    sip = settings.sip
    domain = settings.service.domain
    return TrunkFacts(
        domain=domain,
        edges=tuple(Edge(f"{edge.name}.{domain}", edge.addresses) for edge in calling_edges(settings, store)),
        key=key,
        secret=secret,
        numbers=tuple(owned),
        codecs=account.codecs,
        udp_port=_port(sip.udp),
        tcp_port=_port(sip.tcp),
        tls_port=_port(sip.tls),
        media_ports=(settings.media.port_min, settings.media.port_max),
        pbx_port=pbx_port,
        tls=tls,
        srtp=srtp,
    )


def check_secret(store: "Store", key: str, secret: str) -> None:
    """Raise `PbxError` unless account `key` has this secret: a PBX with another one would be refused."""
    if store.accounts.verify(key, secret) is None:
        raise PbxError(f"that is not the secret of account {key}: give the right one, or take a new one")


def sighting(store: "Store", node: "ControlClient", key: str, now: float) -> Sighting:
    """What the node and the records know of the PBX of account `key`. Raises `NotFoundError`,
    `ControlError`."""
    account = store.accounts.get(key)
    out, in_ = _last_call(store, key, Direction.OUTBOUND), _last_call(store, key, Direction.INBOUND)
    view = node.pbx(key, _host(out))
    return Sighting(
        now=now,
        blocked=account.blocked,
        contacts=tuple(
            Contact(_contact_host(one.contact), host_of(one.source), one.source) for one in view.registrations
        ),
        refused_at=view.refused_at,
        refused_source=view.refused_source,
        refused_realm=view.refused_realm,
        without_at=view.without_at,
        without_source=view.without_source,
        weak_tls=view.weak_tls,
        asked_at=view.asked_at,
        out=out,
        in_=in_,
    )


def called_from(store: "Store", key: str) -> list[str]:
    """The address that the last call of account `key` came from, if there was one."""
    return _host(_last_call(store, key, Direction.OUTBOUND))


def _last_call(store: "Store", key: str, direction: Direction) -> CallRecord | None:
    """Not of an account that had the same key before."""
    wanted = CallFilter(account=key, direction=direction, since_at=store.accounts.created_at(key))
    found = store.calls.list(wanted, limit=1).calls
    return next(iter(found), None)


def _host(call: CallRecord | None) -> list[str]:
    return [] if call is None else [host_of(call.source)]


def _port(bound: Sequence[SocketAddress]) -> int | None:
    return bound[0].port if bound else None


def _contact_host(contact: str) -> str:
    uri = parse_uri(contact)
    return uri.host if isinstance(uri, SipUri) else ""
