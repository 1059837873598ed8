"""Flows that another node holds: a connection of TCP or TLS that a device has opened to it, or the hole that
a NAT keeps open for its UDP (RFC 5626 §3). A call to that device has to leave there.

To the rest of this node such a flow is a `sip.ports.Flow` like any other: what is sent on it goes as a letter
to its holder, which sends it on as it is; what comes back on it for us comes back as a letter. The Via and
the Contact are this node's own, so the holder keeps no state of a call: on a flow that it has lent it passes
on the responses whose top Via, and the requests whose Request-URI, names a node that has borrowed one. The
holder knows a flow by a token of 64 random bits; nobody else can name it.

A letter that can't arrive fails the flow, as a broken connection does.
"""

import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Sequence
from weakref import WeakValueDictionary

from trunkline.clock import Clock
from trunkline.live.post import PostOffice
from trunkline.sip.failures import FlowFailure, FlowFailureKind
from trunkline.sip.limits import BODY_BYTES, HEAD_BYTES
from trunkline.sip.ports import Address, Flow, Transport

LENT_MAX = 262_144
"""Flows that others may use; beyond it the one that was lent first is no more."""
BORROWERS_MAX = 256
"""Nodes that have borrowed flows of this one."""
_TOP_VIA = re.compile(rb"\r\n(?:via|v)[ \t]*:\s*SIP\s*/\s*2\.0\s*/\s*\w+\s+([^\s;,]+)", re.IGNORECASE)
_REQUEST_HOST = re.compile(rb"^[A-Z]+ sips?:(?:[^@ ]*@)?([^ ;?>]+)", re.IGNORECASE)

Received = Callable[[bytes, Flow], None]
Failed = Callable[[Flow, FlowFailure], None]


class BorrowedFlow:
    """A flow that the node `holder` has; see the module."""

    __slots__ = ("__weakref__", "_flows", "closed", "holder", "remote", "sent_by", "token", "transport")

    def __init__(
        self,
        flows: "LentFlows",
        holder: str,
        token: str,
        transport: Transport,
        remote: Address,
        sent_by: Address,
    ) -> None:
        self._flows = flows
        self.holder = holder
        self.token = token
        self.transport = transport
        self.remote = remote
        self.sent_by = sent_by
        self.closed = False

    def send(self, data: bytes) -> None:
        """See `sip.ports.Flow`."""
        self._flows.send_on(self, data)


class LentFlows:
    """Both sides of it, for one node."""

    def __init__(
        self,
        post: PostOffice,
        clock: Clock,
        *,
        node: str,
        token: Callable[[], str],
        received: Received,
        failed: Failed,
    ) -> None:
        """`received` and `failed` are the user agent's."""
        self._post = post
        self._clock = clock
        self._node = node
        self._token = token
        self._received = received
        self._failed = failed
        self.advertised: dict[Transport, Address] = {}
        """What this node's own listeners are called, the first of each transport."""
        self._lent: dict[str, Flow] = {}
        self._tokens: dict[tuple[Transport, Address], str] = {}
        self._used: dict[tuple[Transport, Address], str] = {}
        """The tokens of those that were borrowed."""
        self._borrowers: dict[str, str] = {}
        """Sent-by of a node that has used a flow of ours -> its name."""
        self._borrowed: WeakValueDictionary[tuple[str, str], BorrowedFlow] = WeakValueDictionary()
        """Holder and token -> the flow, while a registration or a call has it."""
        post.listen(("send", "came", "gone"), self._letter)

    # -- the holder --------------------------------------------------------------------------------

    def lend(self, flow: Flow) -> str:
        """The token that names this flow to the other nodes, until it is `closed`."""
        place = (flow.transport, flow.remote)
        token = self._tokens.get(place)
        if token is None or self._lent[token] != flow:
            self._forget(place)
            if len(self._lent) >= LENT_MAX:
                first = next(iter(self._lent.values()))
                self._forget((first.transport, first.remote))
            token = self._tokens[place] = self._token()[:16]
            self._lent[token] = flow
        return token

    def closed(self, flow: Flow) -> None:
        """A connection is gone."""
        place = (flow.transport, flow.remote)
        token = self._tokens.get(place)
        if token is not None and self._lent[token] == flow:
            self._forget(place)

    def _forget(self, place: tuple[Transport, Address]) -> None:
        token = self._tokens.pop(place, None)
        self._used.pop(place, None)
        if token is not None:
            del self._lent[token]

    def received(self, data: bytes, flow: Flow) -> None:
        """What has come from the wire: for this node's user agent, or for a node that has borrowed `flow`."""
        token = self._used.get((flow.transport, flow.remote)) if self._used else None
        node = None if token is None else self._borrower(data)
        if token is None or node is None:
            self._received(data, flow)
        else:
            self._send(node, ["came", self._node, token, _text(data)], _nothing)

    def _borrower(self, data: bytes) -> str | None:
        if data.startswith(b"SIP/2.0 "):
            found = _TOP_VIA.search(data, 0, HEAD_BYTES)
        else:
            found = _REQUEST_HOST.match(data)
        return None if found is None else self._borrowers.get(found[1].decode("ascii", "replace").lower())

    def _asked_to_send(self, node: str, token: str, sent_by: str, data: bytes) -> None:
        flow = self._lent.get(token)
        if flow is None or flow.closed:
            self._send(node, ["gone", self._node, token], _nothing)
            return
        if sent_by not in self._borrowers and len(self._borrowers) >= BORROWERS_MAX:
            del self._borrowers[next(iter(self._borrowers))]
        self._borrowers[sent_by] = node
        self._used[flow.transport, flow.remote] = token
        flow.send(data)

    # -- the borrower ------------------------------------------------------------------------------

    def borrow(self, holder: str, token: str, transport: Transport, remote: Address) -> BorrowedFlow | None:
        """A flow of another node; None where this node has no name on such a transport."""
        sent_by = self.advertised.get(transport)
        if sent_by is None:
            return None
        flow = self._borrowed.get((holder, token))
        if flow is None or flow.closed:
            flow = BorrowedFlow(self, holder, token, transport, remote, sent_by)
            self._borrowed[holder, token] = flow
        return flow

    def send_on(self, flow: BorrowedFlow, data: bytes) -> None:
        """Have its holder send `data` on it."""
        if flow.closed:
            return
        letter = ["send", self._node, flow.token, str(flow.sent_by).lower(), _text(data)]
        self._send(flow.holder, letter, lambda: self._lost(flow, f"node {flow.holder} can't be reached"))

    def _lost(self, flow: BorrowedFlow, why: str) -> None:
        if not flow.closed:
            flow.closed = True
            failure = FlowFailure(FlowFailureKind.CLOSED, why)
            self._soon(lambda: self._failed(flow, failure))

    # -- letters -----------------------------------------------------------------------------------

    def _send(self, node: str, letter: list[str], failed: Callable[[], None]) -> None:
        self._post.send(node, letter, failed)

    def _letter(self, letter: Sequence[object]) -> None:
        match letter:
            case ["send", str(node), str(token), str(sent_by), str(data)]:
                message = _data(data)
                self._soon(lambda: self._asked_to_send(node, token, sent_by, message))
            case ["came", str(node), str(token), str(data)]:
                self._came((node, token), _data(data))
            case ["gone", str(node), str(token)]:
                flow = self._borrowed.get((node, token))
                if flow is not None:
                    self._lost(flow, f"node {node} has lost it")
            case other:
                raise ValueError(f"no letter: {other!r:.100}")

    def _came(self, name: tuple[str, str], data: bytes) -> None:
        flow = self._borrowed.get(name)
        if flow is not None:
            self._soon(lambda: self._received(data, flow))

    def _soon(self, act: Callable[[], None]) -> None:
        """In a timer's callback, where a fault costs itself."""
        self._clock.at(self._clock.now(), act)


def _nothing() -> None:
    """The other node has gone: its own timers end what it wanted."""


def _text(data: bytes) -> str:
    return b64encode(data).decode("ascii")


def _data(text: str) -> bytes:
    data = b64decode(text, validate=True)
    if len(data) > HEAD_BYTES + BODY_BYTES:
        raise ValueError(f"a message of {len(data)} bytes")
    return data
