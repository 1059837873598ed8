"""What another node needs to go on with an answered INVITE dialog once this one has died: the dialog (RFC
3261 §12), our Contact, what the peer allows, the session timer (RFC 4028).

The numbers of our requests go on `CSEQ_GAP` further, for the dead node may have used some since: a peer takes
a number that skips (RFC 3261 §12.2.2). How the peer is reached: over UDP by a socket of this node's, since a
datagram needs no connection; a connection of TCP or TLS died with its node, so the next request opens one to
the peer's Contact or to the first of its route set (`Dialog.next_hop`). Credentials are not in here: whoever
resumes a dialog brings the authenticator.

What a call makes of two of these is `trunkline.call.checkpoint`.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from trunkline.sip.dialog import Dialog
from trunkline.sip.fronted import FrontedFlow
from trunkline.sip.headers import Headers
from trunkline.sip.incoming_invite import IncomingInvite
from trunkline.sip.message import Request
from trunkline.sip.name_addr import NameAddr
from trunkline.sip.outbound_auth import Authenticator
from trunkline.sip.ports import Address, Connector, Flow, Target, Transport
from trunkline.sip.stack import ContactSpec
from trunkline.sip.uri import SipUri
from trunkline.sip.usage import Usage
from trunkline.sip.usage_events import UNATTENDED

if TYPE_CHECKING:
    from trunkline.sip.user_agent import UserAgent

CSEQ_GAP: Final = 1000
"""More requests than a dead node can have sent since its last word: one is said at every change."""


@dataclass(frozen=True, slots=True)
class FlowCheckpoint:
    """The way on which the peer was last heard."""

    transport: Transport
    host: str
    port: int
    source: tuple[str, str, int] | None
    """Transport and address of the peer behind a front; None where there is none."""

    def __str__(self) -> str:
        """As `fronted.described` has it."""
        transport, host, port = self.source or (self.transport, self.host, self.port)
        return f"{transport} {Address(host, port)}"

    @classmethod
    def of(cls, flow: Flow) -> "FlowCheckpoint":
        """Of `flow`."""
        source = None
        if isinstance(flow, FrontedFlow):
            source = (flow.source_transport, *flow.source)
        return cls(flow.transport, *flow.remote, source)

    def flow(self, connector: Connector) -> Flow:
        """The same way from here; a connection is gone."""
        remote = Address(self.host, self.port)
        way: Flow
        if self.transport is Transport.UDP:
            way = connector.flow_to(Target(Transport.UDP, remote))
        else:
            way = LostFlow(self.transport, remote)
        if self.source is None:
            return way
        transport, host, port = self.source
        return FrontedFlow(way, Address(host, port), transport)


class LostFlow:
    """A connection that another node had: it says who the peer is, and nothing can be sent on it."""

    __slots__ = ("remote", "transport")

    closed: Final = True

    def __init__(self, transport: Transport, remote: Address) -> None:
        self.transport: Final = transport
        self.remote: Final = remote

    @property
    def sent_by(self) -> Address:
        """Nothing of ours has been on it."""
        return Address("invalid.invalid", 0)

    def send(self, data: bytes) -> None:
        """See `sip.ports.Flow`."""


@dataclass(frozen=True, slots=True)
class DialogCheckpoint:
    """One confirmed dialog. Texts are as they stand in messages."""

    call_id: str
    local_tag: str
    remote_tag: str
    local_name: str
    remote_name: str
    local_seq: int
    remote_seq: int
    remote_target: str
    route_set: tuple[str, ...]
    owns_call_id: bool
    secure: bool
    flow: FlowCheckpoint
    contact: tuple[str | None, str, str]
    """User, URI parameters and header parameters of ours."""
    allow: str | None
    """The peer's last Allow."""
    description: str
    """Our last session description that stands; one character an octet."""
    session_s: int | None
    """Session interval; None for a session without one."""
    refreshing: bool
    """Whether we refresh."""
    timer_agreed: bool
    min_se_s: int

    @classmethod
    def of(cls, usage: Usage, flow: Flow) -> "DialogCheckpoint":
        """Of a confirmed dialog whose peer was last heard on `flow`."""
        dialog, contact, timer = usage.dialog, usage.contact, usage.session_timer
        return cls(
            call_id=dialog.call_id,
            local_tag=dialog.local_tag,
            remote_tag=dialog.remote_tag,
            local_name=dialog.local_name,
            remote_name=dialog.remote_name,
            local_seq=dialog.local_seq,
            remote_seq=dialog.remote_seq,
            remote_target=str(dialog.remote_target),
            route_set=tuple(str(route) for route in dialog.route_set),
            owns_call_id=dialog.owns_call_id,
            secure=dialog.secure,
            flow=FlowCheckpoint.of(flow),
            contact=(contact.user, contact.uri_params, contact.params),
            allow=usage.peer_allow,
            description=usage.local_description.decode("latin-1"),
            session_s=timer.interval_s,
            refreshing=timer.refreshing,
            timer_agreed=timer.agreed,
            min_se_s=timer.required_min_se_s,
        )

    def usage(
        self, agent: "UserAgent", authenticator: Authenticator | None, flow: Flow | None = None
    ) -> Usage:
        """The dialog as it goes on here, over `flow` where there is one to the peer; `agent` knows it from
        `resume` on. Raises `SipSyntaxError` for texts that aren't what they are to be, `SipBuildError` for a
        Contact that can't be sent.
        """
        dialog = Dialog(
            call_id=self.call_id,
            local_tag=self.local_tag,
            remote_tag=self.remote_tag,
            local_name=self.local_name,
            remote_name=self.remote_name,
            local_seq=self.local_seq + CSEQ_GAP,
            remote_seq=self.remote_seq,
            remote_target=SipUri.parse(self.remote_target),
            route_set=[NameAddr.parse(route) for route in self.route_set],
            flow=flow or self.flow.flow(agent.stack.connector),
            owns_call_id=self.owns_call_id,
            secure=self.secure,
        )
        return Usage(agent, dialog, ContactSpec(*self.contact), None, authenticator)

    def resume(self, usage: Usage) -> None:
        """Let it be a dialog of its agent's: requests of the peer are heard, the session is timed."""
        usage.resume(self.description.encode("latin-1"), self.allow)
        usage.session_timer.resume(
            self.session_s,
            refreshing=self.refreshing,
            agreed=self.timer_agreed,
            min_se_s=self.min_se_s,
        )


class AnsweredElsewhere(IncomingInvite):
    """The INVITE of a dialog that another node has answered: nothing is left to be said to it."""

    __slots__ = ()

    def __init__(self, usage: Usage) -> None:
        self._accepting = None
        self._answered_reliably = False
        self._events = UNATTENDED
        self._over = True
        self.request = Request("INVITE", str(usage.dialog.remote_target), Headers(), b"")
        self.usage = usage

    @property
    def flow(self) -> Flow:
        """The one of the dialog."""
        flow = self.usage.dialog.flow
        if flow is None:
            raise LookupError("a dialog that goes on has a flow")
        return flow
