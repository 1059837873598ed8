"""A request of ours outside a dialog, other than INVITE: OPTIONS, REGISTER, MESSAGE (RFC 3261 §8.1).

One final outcome is reported. A 401 or 407 that credentials can answer is answered with another request, its
sequence number one higher (§22.2). Series of requests with one Call-ID are kept by their user
(`registration_client`).
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from trunkline.sip.failures import RequestFailure
from trunkline.sip.headers import Headers
from trunkline.sip.message import Request, Response
from trunkline.sip.outbound_auth import Authenticator
from trunkline.sip.ports import Flow, Target
from trunkline.sip.stack import ClientRequest, ContactSpec, NextHop

if TYPE_CHECKING:
    from trunkline.sip.user_agent import UserAgent


class RequestSeries:
    """What requests with one Call-ID share (RFC 3261 §8.1.1.4, §8.1.1.5, §10.2): addresses, tag, number,
    credentials.
    """

    __slots__ = (
        "authenticator",
        "call_id",
        "cseq",
        "from_value",
        "method",
        "next_hop",
        "to_value",
        "uri_text",
    )

    def __init__(
        self,
        *,
        method: str,
        uri_text: str,
        from_value: str,
        to_value: str,
        call_id: str,
        next_hop: NextHop,
        authenticator: Authenticator | None,
    ) -> None:
        self.method = method
        self.uri_text = uri_text
        self.from_value = from_value
        self.to_value = to_value
        self.call_id = call_id
        self.next_hop = next_hop
        self.authenticator = authenticator
        self.cseq = 0


class OutgoingRequest:
    """One such request. It is the `ClientEvents` of each of its transactions."""

    __slots__ = (
        "_agent",
        "_body",
        "_client",
        "_contact",
        "_content_type",
        "_flow",
        "_headers",
        "_on_failure",
        "_on_response",
        "_request",
        "_rounds",
        "_series",
    )

    def __init__(
        self,
        agent: "UserAgent",
        series: RequestSeries,
        *,
        headers: tuple[tuple[str, str], ...],
        body: bytes,
        content_type: str | None,
        contact: ContactSpec | None,
        on_response: Callable[[Response], None],
        on_failure: Callable[[RequestFailure], None],
    ) -> None:
        self._agent = agent
        self._series = series
        self._headers = headers
        self._body = body
        self._content_type = content_type
        self._contact = contact
        self._on_response = on_response
        self._on_failure = on_failure
        self._rounds = 0
        self._client: ClientRequest | None = None
        self._flow: Flow | None = None
        self._request = self._send(series.next_hop)

    @property
    def flow(self) -> Flow | None:
        """The flow of the target in hand, or of the last one; None while the name is being looked up."""
        return self._flow if self._client is None else self._client.flow

    def forget(self) -> None:
        """Nobody waits for the outcome any more."""
        if self._client is not None:
            self._client.detach()

    def _send(self, next_hop: NextHop) -> Request:
        series = self._series
        series.cseq += 1
        headers = Headers()
        headers.add("max-forwards", "70")
        headers.add("from", series.from_value)
        headers.add("to", series.to_value)
        headers.add("call-id", series.call_id)
        headers.add("cseq", f"{series.cseq} {series.method}")
        for name, value in self._headers:
            headers.add(name, value)
        if self._content_type is not None:
            headers.set("content-type", self._content_type)
        request = Request(series.method, series.uri_text, headers, self._body)
        if series.authenticator is not None:
            series.authenticator.authorize(request)
        self._client = self._agent.stack.request(request, next_hop, self, contact=self._contact)
        return request

    # events of the stack

    def target_chosen(self, target: Target | Flow) -> None:
        """The stack has found where to send it."""

    def response_received(self, response: Response, flow: Flow) -> None:
        """A response; provisional ones say nothing (RFC 4320 §4.1)."""
        if response.status < 200:
            return
        if response.status in (401, 407):
            authenticator = self._series.authenticator
            if authenticator is not None and authenticator.challenged(self._request, response, self._rounds):
                self._rounds += 1
                self._request = self._send(self._series.next_hop if flow.closed else flow)
                return
        self._finish()
        self._on_response(response)

    def request_failed(self, failure: RequestFailure) -> None:
        """No final response."""
        self._finish()
        self._on_failure(failure)

    def _finish(self) -> None:
        self._flow = self.flow
        self._client = None
