"""Keeps `Services.gateways`: where the carriers' gateways listen, names resolved (`trunk.gateway_addresses`).

Every gateway is located as a call to it would be, when the directory changes and every `AGAIN_S` from then
on. An address that DNS has named once counts for `KEPT_S` more: names with many addresses give some of them
in turns, and a customer may ask for the others. While a name has not been resolved at all, it counts by its
name alone.

`refresh` takes over what the directory says now; the clock drives the rest. Where all gateways are addresses
there is no timer.
"""

from collections.abc import Sequence
from functools import partial

from trunkline.call.services import Services
from trunkline.clock import Timer
from trunkline.sip.ports import Address, LocateFailure, Target
from trunkline.sip.uri import SipUri, is_address
from trunkline.trunk.gateway_addresses import gateway_uris, place_of, places_of

AGAIN_S = 30.0
KEPT_S = 24 * 3600.0
MOST = 64
"""Addresses kept for one gateway; beyond, those that were not named for the longest time are forgotten."""


class GatewayFinder:
    """Of one node."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._found: dict[str, dict[Address, float]] = {}
        """Gateway -> its addresses, each with the second until which it counts; the last named is last."""
        self._uris: dict[str, SipUri] = {}
        self._timer: Timer | None = None

    def refresh(self) -> None:
        """Follow the directory."""
        self._uris = {str(uri): uri for uri in gateway_uris(self._services.directory)}
        self._found = {key: self._found.get(key, {}) for key in self._uris}
        self._look()

    def stop(self) -> None:
        """Ask DNS no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        self.stop()
        services = self._services
        self._tell()
        for key, uri in self._uris.items():
            services.agent.stack.locator.locate(uri, partial(self._located, key))
        if not all(is_address(place_of(uri).host) for uri in self._uris.values()):
            self._timer = services.clock.at(services.clock.now() + AGAIN_S, self._look)

    def _located(self, key: str, targets: Sequence[Target] | LocateFailure) -> None:
        found = self._found.get(key)
        if found is None or isinstance(targets, LocateFailure):
            return
        before = found.keys() | set()
        until = self._services.clock.now() + KEPT_S
        for target in targets:
            found.pop(target.address, None)
            found[target.address] = until
        while len(found) > MOST:
            del found[next(iter(found))]
        if found.keys() != before:
            self._tell()

    def _tell(self) -> None:
        now = self._services.clock.now()
        for key, found in self._found.items():
            self._found[key] = {address: until for address, until in found.items() if until > now}
        addresses = (address for found in self._found.values() for address in found)
        self._services.gateways = places_of(self._uris.values(), addresses)
