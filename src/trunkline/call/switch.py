"""The switch: every request outside a dialog comes here, and every call is known here.

INVITE goes past the doorman, becomes a plan (`trunkline.trunk.plan`) or a refusal, and then a `Call`. REGISTER goes to the registrar, OPTIONS
is answered at once and without state (BEHAVIOUR R8). It also holds what is true of all calls together: how many there may be,
draining, hanging up by hand.

Every authenticated INVITE leaves a record, refused ones too.
"""

from collections.abc import Iterator

from trunkline.call.call import Call
from trunkline.call.doorman import Caller, Doorman
from trunkline.call.invitation import to_endpoint, to_gateway
from trunkline.call.leg import Leg
from trunkline.call.passing import verdict_fields, warning_field
from trunkline.call.ports import NoPortsError
from trunkline.call.record import CallRecord, Direction, Party, RecordState
from trunkline.call.registrar import Registrar
from trunkline.call.services import Services
from trunkline.errors import SdpError
from trunkline.sdp.errors import NoCommonCodecError
from trunkline.sdp.offer_answer import RemoteAudio
from trunkline.sip.incoming_invite import IncomingInvite
from trunkline.sip.message import Request, Response, response_to
from trunkline.sip.ports import Flow
from trunkline.sip.stack import ServerTransaction
from trunkline.trunk.account import Account
from trunkline.trunk.carrier import Carrier
from trunkline.trunk.verdict import Slug, Verdict

DRAIN_RETRY_S = 30
OVERLOAD_RETRY_S = 5


class Switch:
    """The user agent's user: see the module. `agent` of the services is set once the user agent exists."""

    def __init__(self, services: Services, doorman: Doorman, registrar: Registrar) -> None:
        self._services = services
        self._doorman = doorman
        self._registrar = registrar
        self._calls: dict[str, Call] = {}
        self._admitted: tuple[Request, Caller] | None = None
        self.draining = False
        self.overloaded = False

    # -- requests outside dialogs ------------------------------------------------------------------------------------------

    def screen(self, request: Request, flow: Flow) -> Response | None:
        """What can be answered without a transaction: OPTIONS, challenges, refusals of a node that is draining or too busy."""
        method = request.method
        if method == "OPTIONS":
            return self._health(request)
        if method not in ("INVITE", "REGISTER"):
            return None
        if method == "INVITE":
            verdict = self._no_room()
            if verdict is not None:
                return response_to(request, verdict.status, headers=verdict_fields(verdict))
        admitted = self._doorman.admit(request, flow)
        if isinstance(admitted, Response):
            return admitted
        self._admitted = (request, admitted)
        return None

    def _health(self, request: Request) -> Response:
        if self.draining:
            return response_to(request, 503, headers=[("Retry-After", str(DRAIN_RETRY_S))])
        return response_to(request, 200, headers=self._services.agent.capabilities())

    def _no_room(self) -> Verdict | None:
        if self.draining:
            return Verdict.of(Slug.DRAINING, retry_after_s=DRAIN_RETRY_S)
        most = self._services.settings.max_calls
        if self.overloaded or (most is not None and len(self._calls) >= most):
            return Verdict.of(Slug.OVERLOADED, retry_after_s=OVERLOAD_RETRY_S)
        return None

    def _admitted_caller(self, request: Request) -> Caller:
        """Who `screen` found; it runs right before, for the same request."""
        assert self._admitted is not None
        assert self._admitted[0] is request
        caller = self._admitted[1]
        self._admitted = None
        return caller

    def request_received(self, request: Request, transaction: ServerTransaction) -> None:
        """REGISTER; the user agent refuses every other method that gets this far."""
        caller = self._admitted_caller(request)
        if caller.account is None:
            transaction.respond(response_to(request, 403))
        else:
            transaction.respond(self._registrar.register(request, transaction.flow, caller.account))

    # -- calls ---------------------------------------------------------------------------------------------------------------

    def invite_received(self, invite: IncomingInvite) -> None:
        """A call from an account or a carrier."""
        caller = self._admitted_caller(invite.request)
        invite.trying()
        if caller.account is not None:
            self._outbound(invite, caller.account)
        elif caller.carrier is not None:
            self._inbound(invite, caller.carrier)
