"""The dialog (RFC 3261 §12): what two user agents remember about each other between requests.

Owns the dialog identifier, the sequence numbers, the remote target, the route set with strict and loose
routing (§12.2.1.1), and where the next request goes. Target refresh follows RFC 6141 §4: the caller of
`refresh_target` decides whether a message may refresh. Does not own the INVITE usage (`usage`), nor
transactions (`stack`).

Beyond RFC 3261, for peers behind NAT: a request follows the TCP or TLS connection that the peer was last
heard on while that connection is open; over UDP, with no route set, it goes to the source of the peer's last
packet unless the peer's Contact names that very host with another port or transport. Where somebody knows by
which flow a peer without a route set is reached now (`Dialog.whereabouts`), that counts. And for keys of
SRTP: a peer that had TLS is sought by TLS alone once its connection has closed. Pinned by
`tests/conformance/rfc3261_12/test_next_hop.py`.
"""

from collections.abc import Sequence

from trunkline.sip.errors import SipSyntaxError
from trunkline.sip.headers import Headers
from trunkline.sip.message import Request, Response
from trunkline.sip.name_addr import NameAddr
from trunkline.sip.ports import Flow, Transport, Whereabouts, as_private
from trunkline.sip.uri import SipUri, same_host

DialogId = tuple[str, str, str]
"""RFC 3261 §12: Call-ID, local tag, remote tag. A missing tag (RFC 2543 peers) is an empty string."""


class Dialog:
    """One dialog, early or confirmed.

    `local_name` and `remote_name` are the complete From and To values (tag included) of requests that we send
    in it. `local_seq` is 0 while empty, `remote_seq` -1 while empty. `owns_call_id` says who generated the
    Call-ID, which decides the retry window after a 491 (RFC 3261 §14.1).
    """

    __slots__ = (
        "_contact",
        "call_id",
        "flow",
        "local_name",
        "local_seq",
        "local_tag",
        "owns_call_id",
        "remote_name",
        "remote_seq",
        "remote_tag",
        "remote_target",
        "route_set",
        "secure",
        "whereabouts",
    )

    def __init__(
        self,
        *,
        call_id: str,
        local_tag: str,
        remote_tag: str,
        local_name: str,
        remote_name: str,
        local_seq: int,
        remote_seq: int,
        remote_target: SipUri,
        route_set: Sequence[NameAddr],
        flow: Flow | None,
        owns_call_id: bool,
        secure: bool,
    ) -> None:
        self.call_id = call_id
        self.local_tag = local_tag
        self.remote_tag = remote_tag
        self.local_name = local_name
        self.remote_name = remote_name
        self.local_seq = local_seq
        self.remote_seq = remote_seq
        self.remote_target = remote_target
        self.route_set = route_set
        self.flow = flow
        self.owns_call_id = owns_call_id
        self.secure = secure
        self.whereabouts: Whereabouts | None = None
        """Who knows of other flows of the peer; None: nobody."""
        self._contact: str | None = None

    @classmethod
    def as_uas(cls, request: Request, local_tag: str, flow: Flow, remote_target: SipUri) -> "Dialog":
        """The dialog that our answer to `request` forms (RFC 3261 §12.1.1)."""
        headers = request.headers
        return cls(
            call_id=request.call_id,
            local_tag=local_tag,
            remote_tag=request.from_tag or "",
            local_name=f"{headers.get('to')};tag={local_tag}",
            remote_name=headers.get("from") or "",
            local_seq=0,
            remote_seq=request.cseq.number,
            remote_target=remote_target,
            route_set=request.record_route if "record-route" in headers else (),
            flow=flow,
            owns_call_id=False,
            secure=flow.transport is Transport.TLS
            and isinstance(request.uri, SipUri)
            and request.uri.scheme == "sips",
        )

    @classmethod
    def as_uac(cls, request: Request, response: Response, flow: Flow | None) -> "Dialog":
        """The dialog that `response` to our `request` forms (RFC 3261 §12.1.2).

        A response without a Contact that can be used leaves our Request-URI as the remote target.
        """
        target = request.uri
        secure = flow is not None and flow.transport is Transport.TLS and target.scheme == "sips"
        dialog = cls(
            call_id=request.call_id,
            local_tag=request.from_tag or "",
            remote_tag=response.to_tag or "",
            local_name=request.headers.get("from") or "",
            remote_name=response.headers.get("to") or "",
            local_seq=request.cseq.number,
            remote_seq=-1,
            remote_target=target if isinstance(target, SipUri) else SipUri.parse("sip:invalid.invalid"),
            route_set=(),
            flow=flow,
            owns_call_id=True,
            secure=secure,
        )
        dialog.set_route_from(response)
        dialog.refresh_target(response)
        return dialog

    @property
    def id(self) -> DialogId:
        return (self.call_id, self.local_tag, self.remote_tag)

    @property
    def wants_sips(self) -> bool:
        """Whether our Contact in it must be a SIPS URI (RFC 3261 §12.1.1, §12.2.1.1)."""
        if self.route_set:
            return self.secure or self.route_set[0].uri.scheme == "sips"
        return self.secure or self.remote_target.scheme == "sips"

    def set_route_from(self, response: Response) -> None:
        """Take the route set of a response to our INVITE: Record-Route reversed (RFC 3261 §12.1.2,
        §13.2.2.4).
        """
        if "record-route" not in response.headers:
            self.route_set = ()
            return
        try:
            self.route_set = response.record_route[::-1]
        except SipSyntaxError:
            self.route_set = ()

    def refresh_target(self, message: Request | Response) -> None:
        """Take the Contact of `message` as the remote target (RFC 3261 §12.2), unless it is absent or can't
        be used.
        """
        text = message.headers.get("contact")
        if text == self._contact:
            return
        try:
            contact = message.contact
        except SipSyntaxError:
            return
        if contact is not None and isinstance(contact.uri, SipUri):
            self.remote_target = contact.uri
            self._contact = text

    def in_order(self, cseq: int) -> bool:
        """Whether a request numbered `cseq` is newer than all before; if so, it is remembered (RFC 3261
        §12.2.2).
        """
        if cseq <= self.remote_seq:
            return False
        self.remote_seq = cseq
        return True

    def request(self, method: str, cseq: int | None = None) -> Request:
        """A request within the dialog (RFC 3261 §12.2.1.1), without Via, Contact and body.

        `cseq` is given only for an ACK; otherwise the local sequence number goes up by one.
        """
        if cseq is None:
            cseq = self.local_seq = self.local_seq + 1
        headers = Headers.adopt({}, None)
        put = headers.put
        target = self.remote_target
        if target.headers or "method" in target.params:
            target = target.without("method", "headers")
        request_uri = str(target)
        route_set = self.route_set
        if route_set:
            routes = [str(route) for route in route_set]
            first = route_set[0].uri
            if isinstance(first, SipUri) and not first.lr:
                routes = [*routes[1:], f"<{request_uri}>"]
                request_uri = str(first.without("method", "headers"))
            put("route", ", ".join(routes))
        put("max-forwards", "70")
        put("from", self.local_name)
        put("to", self.remote_name)
        put("call-id", self.call_id)
        put("cseq", f"{cseq} {method}")
        return Request(method, request_uri, headers, b"")

    def next_hop(self) -> SipUri | Flow:
        """Where a request within the dialog goes now: a flow, or a URI to locate (RFC 3263)."""
        flow = self.flow
        if flow is not None:
            if self.whereabouts is not None and not self.route_set:
                flow = self.flow = self.whereabouts.flow_now(flow, self.remote_target)
            if flow.transport is not Transport.UDP:
                if not flow.closed:
                    return flow
            elif not self.route_set and self._is_reached_over(flow):
                return flow
        hop = self.remote_target
        if self.route_set:
            first = self.route_set[0].uri
            if isinstance(first, SipUri):
                hop = first
        return hop if flow is None else as_private(hop, flow.transport)

    def _is_reached_over(self, flow: Flow) -> bool:
        """Whether a UDP flow is the way to the remote target: its host is another (NAT), or all of it is the
        same.
        """
        target = self.remote_target
        host, port = flow.remote
        if not same_host(target.host, host):
            return True
        return (
            (target.port or 5060) == port and target.scheme == "sip" and (target.transport or "udp") == "udp"
        )
