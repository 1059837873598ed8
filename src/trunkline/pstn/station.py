"""A SIP station of its own: a UDP address, and a user agent. The simulated carrier and the test phone are
stations.
"""

from collections.abc import Callable

from trunkline.clock import Clock
from trunkline.net.settings import Listen, TransportSettings
from trunkline.net.transports import Transports
from trunkline.sdp.crypto import KEY_AND_SALT_OCTETS
from trunkline.sip.dialog_request import Fields
from trunkline.sip.failures import FlowFailure
from trunkline.sip.message import Request, Response, response_to
from trunkline.sip.ports import Address, Flow, Locator, Target, Transport
from trunkline.sip.stack import ServerTransaction
from trunkline.sip.user_agent import UserAgent, UserAgentSettings, UserAgentUser


class CallsOnly:
    """What a station's user does about all that is no call: OPTIONS is answered, nothing else is served."""

    def screen(self, request: Request, flow: Flow) -> Response | None:  # noqa: ARG002
        return response_to(request, 200) if request.method == "OPTIONS" else None

    def invite_refused(self, request: Request, flow: Flow, refusal: Response) -> Fields:
        del request, flow, refusal
        return ()

    def request_received(self, request: Request, transaction: ServerTransaction) -> None:
        transaction.respond(response_to(request, 501))


class Station:
    """Opens its socket in `start` and gives it back in `close`."""

    def __init__(
        self,
        user: UserAgentUser,
        *,
        clock: Clock,
        locator: Locator,
        token: Callable[[], str],
        product: str,
        bind: Address,
        also: tuple[Address, ...] = (),
        transports: tuple[Transport, ...] = (Transport.UDP,),
    ) -> None:
        """`bind` port 0 lets the kernel choose. `also`: further addresses, as of the other IP version."""
        self.clock = clock
        self._token = token
        listen = tuple(
            Listen(transport, place, Address(place.host, 0))
            for transport in transports
            for place in (bind, *also)
        )
        self._transports = Transports(TransportSettings(listen=listen), clock)
        self.agent = UserAgent(
            clock=clock,
            connector=self._transports,
            locator=locator,
            token=token,
            user=user,
            settings=UserAgentSettings(product=product),
            secret=token().encode(),
        )

    async def start(self) -> Address:
        """Open the socket; return the address. Raises `NetError`."""
        await self._transports.start(self)
        return self._transports.bound[0].bind

    async def close(self) -> None:
        """Close it. Idempotent."""
        await self._transports.close()

    def received(self, data: bytes, flow: Flow) -> None:
        """One message."""
        self.agent.received(data, flow)

    def flow_failed(self, flow_or_target: Flow | Target, failure: FlowFailure) -> None:
        """A way that is gone."""
        self.agent.flow_failed(flow_or_target, failure)

    def new_session_id(self) -> int:
        """For an `o=` line."""
        return int(self._token()[:15], 16)

    def new_key(self) -> bytes:
        """For SRTP: 30 octets."""
        return bytes.fromhex("".join(self._token()[:16] for _ in range(4)))[:KEY_AND_SALT_OCTETS]
