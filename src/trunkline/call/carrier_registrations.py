"""Our registrations at carriers that want one (`Carrier.register`), one each, with its first gateway.

`refresh` takes over what the directory says now: new ones start, changed ones start afresh, others stop. The
life of one registration is `trunkline.sip.registration_client`. What it came to is told to the health book
under the gateway's key, so that a carrier that refuses us counts as down.
"""

from trunkline.call.services import Services
from trunkline.sip.failures import RequestFailure
from trunkline.sip.message import Response
from trunkline.sip.name_addr import NameAddr
from trunkline.sip.outbound_auth import DigestUser
from trunkline.sip.registration_client import RegistrationClient
from trunkline.sip.stack import ContactSpec
from trunkline.sip.uri import SipUri
from trunkline.trunk.carrier import Carrier
from trunkline.trunk.plan import gateway_health_key
from trunkline.trunk.verdict import Slug


class CarrierRegistrations:
    """All of a node's."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._held: dict[str, _Registration] = {}

    def refresh(self) -> None:
        """Follow the directory."""
        wanted = {
            carrier.name: carrier
            for carrier in self._services.directory.carriers()
            if carrier.enabled and carrier.register
        }
        for name, registration in list(self._held.items()):
            if wanted.get(name) != registration.carrier:
                registration.client.stop()
                del self._held[name]
        for name, carrier in wanted.items():
            if name not in self._held:
                self._held[name] = _Registration(self._services, carrier)

    def stop(self) -> None:
        """Take our bindings back."""
        for registration in self._held.values():
            registration.client.stop()
        self._held.clear()

    def __len__(self) -> int:
        return len(self._held)


class _Registration:
    """One carrier's. It is the `RegistrationEvents` of its client."""

    __slots__ = ("_health_key", "_services", "carrier", "client")

    def __init__(self, services: Services, carrier: Carrier) -> None:
        gateway = carrier.gateways[0]
        credentials = carrier.credentials
        self._services = services
        self._health_key = gateway_health_key(carrier, gateway)
        self.carrier = carrier
        uri = carrier.uri_of(gateway)
        user = carrier.contact_user
        address = SipUri(uri.scheme, user, uri.host)
        self.client = RegistrationClient(
            services.agent,
            registrar=SipUri(uri.scheme, None, uri.host, uri.port, uri.params),
            address_of_record=NameAddr(None, address),
            contact=ContactSpec(user=user),
            credentials=None
            if credentials is None
            else DigestUser(credentials.user, credentials.secret, credentials.realm),
            events=self,
        )
        self.client.start()

    def registered(self, expires_s: int) -> None:  # noqa: ARG002 - part of the protocol
        """The carrier knows us now."""
        self._services.health.succeeded(self._health_key)

    def registration_failed(self, outcome: Response | RequestFailure, retry_in_s: float) -> None:
        """It does not; the client tries again by itself."""
        detail = outcome.in_words if isinstance(outcome, Response) else str(outcome)
        self._services.health.failed(
            self._health_key, str(Slug.REFUSED), f"REGISTER: {detail}; again in {retry_in_s:.0f} s"
        )
