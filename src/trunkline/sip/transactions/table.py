"""Which transaction a message belongs to: RFC 3261 §17.1.3 and §17.2.3, and the merged requests of §8.2.2.2.

A response is matched by branch and CSeq method; its sent-by must be the one that we wrote (§18.1.2). A
request is matched by branch, sent-by and method when its branch has the magic cookie and something behind it
(RFC 4475 §3.2.1), else by RFC 2543's rules: Request-URI, tags, Call-ID, CSeq and top Via. An ACK matches the
INVITE that it acknowledges.

A merged request has no To tag and the From tag, Call-ID and CSeq of a transaction that is still going on, yet
another key. "Going on" ends here with a final response other than a 2xx: a client that walks on to our next
address after a 503 (RFC 3263 §4.3) sends the same three values again, and is no loop.

The branch is compared byte by byte, the cookie without regard to case.
"""

import re
from collections.abc import Hashable

from trunkline.sip.message import Request, Response
from trunkline.sip.ports import Address, Flow, Target
from trunkline.sip.response_path import DEFAULT_PORT
from trunkline.sip.transactions.client import ClientTransaction
from trunkline.sip.transactions.invite_server import InviteServerTransaction
from trunkline.sip.transactions.server import ServerTransaction
from trunkline.sip.uri import same_host
from trunkline.sip.via import MAGIC_COOKIE

_COOKIE = MAGIC_COOKIE.lower()
_BEGINNING = re.compile(rb"([A-Z]++) [^\r\n]*+\r\nVia: [^\r\n]*?;branch=([^;,\r\n]++)\r\n").match
"""Of a request as `trunkline.sip.outgoing` writes it: method and branch."""


def server_key(request: Request, method: str) -> Hashable:
    """The key of `request` taken as one of `method`, which is "INVITE" when looking for what an ACK or CANCEL
    is about.
    """
    via = request.top_via
    branch = via.branch
    if branch is not None and _is_unique(branch):
        return (branch, via.host, via.port, method)
    return _rfc2543_key(request, method, request.to_tag)


def _is_unique(branch: str) -> bool:
    return len(branch) > len(_COOKIE) and branch[:7].lower() == _COOKIE


def _rfc2543_key(request: Request, method: str, to_tag: str | None) -> Hashable:
    number = request.cseq.number
    return (request.uri_text, request.from_tag, to_tag, request.call_id, number, str(request.top_via), method)


class TransactionTable:
    """All transactions of a stack."""

    __slots__ = ("_client", "_client_at", "_going_on", "_rfc2543_acks", "_server")

    def __init__(self) -> None:
        self._client: dict[tuple[str, str], ClientTransaction] = {}
        self._client_at: dict[Address, dict[ClientTransaction, None]] = {}
        self._server: dict[Hashable, ServerTransaction] = {}
        self._rfc2543_acks: dict[Hashable, InviteServerTransaction] = {}
        self._going_on: dict[Hashable, ServerTransaction] = {}

    @property
    def client_count(self) -> int:
        return len(self._client)

    @property
    def server_count(self) -> int:
        return len(self._server)

    def add_client(self, transaction: ClientTransaction) -> None:
        self._client[transaction.key] = transaction
        at = self._client_at.get(transaction.flow.remote)
        if at is None:
            self._client_at[transaction.flow.remote] = {transaction: None}
        else:
            at[transaction] = None

    def remove_client(self, transaction: ClientTransaction) -> None:
        """Forget it; harmless when done twice."""
        if self._client.get(transaction.key) is transaction:
            del self._client[transaction.key]
        remote = transaction.flow.remote
        at = self._client_at.get(remote)
        if at is not None and at.pop(transaction, self) is None and not at:
            del self._client_at[remote]

    def client_for(self, response: Response) -> ClientTransaction | None:
        """The transaction that `response` answers (§17.1.3).

        None for a stray one, and for one with a second Via, which has lost its way (§8.1.3.3).
        """
        via = response.top_via
        branch = via.branch
        if branch is None:
            return None
        transaction = self._client.get((branch, response.cseq.method))
        if transaction is None:
            return None
        vias = response.headers.all("via")
        if len(vias) > 1 or "," in vias[0]:
            return None
        host, port = transaction.flow.sent_by
        if not same_host(via.host, host):
            return None
        if via.port != port and not (via.port is None and port == DEFAULT_PORT[transaction.flow.transport]):
            return None
        return transaction

    def clients_on(self, where: Flow | Target) -> list[ClientTransaction]:
        """Every client transaction on a flow that died, or towards a target that can't be reached.

        A connection is itself and nothing else; a datagram flow stands for its peer's address.
        """
        if isinstance(where, Target):
            at = self._client_at.get(where.address, ())
            return [one for one in at if one.flow.transport is where.transport]
        at = self._client_at.get(where.remote, ())
        if where.transport.reliable:
            return [one for one in at if one.flow is where]
        return [one for one in at if not one.flow.transport.reliable]

    def has_sent(self, beginning: bytes, where: Flow | Target) -> bool:
        """Whether a datagram that begins so is a request of a client transaction there."""
        match = _BEGINNING(beginning)
        if match is None:
            return False
        transaction = self._client.get((match[2].decode("latin-1"), match[1].decode("latin-1")))
        remote = where.address if isinstance(where, Target) else where.remote
        return transaction is not None and transaction.flow.remote == remote

    def add_server(self, transaction: ServerTransaction) -> None:
        self._server[transaction.key] = transaction
        request = transaction.request
        if request.to_tag is None:
            merge_key = (request.call_id, request.cseq, request.from_tag)
            transaction.merge_key = merge_key
            self._going_on.setdefault(merge_key, transaction)

    def remove_server(self, transaction: ServerTransaction) -> None:
        """Forget it; harmless when done twice."""
        self._server.pop(transaction.key, None)
        self.settle(transaction)
        if transaction.ack_key is not None:
            self._rfc2543_acks.pop(transaction.ack_key, None)

    def server_for(self, key: Hashable) -> ServerTransaction | None:
        return self._server.get(key)

    def server_for_ack(self, ack: Request) -> InviteServerTransaction | None:
        """The INVITE transaction that `ack` acknowledges (§17.2.3), or None: then it is the dialog's."""
        key = server_key(ack, "INVITE")
        transaction = self._server.get(key) or self._rfc2543_acks.get(key)
        return transaction if isinstance(transaction, InviteServerTransaction) else None

    def expect_rfc2543_ack(self, transaction: InviteServerTransaction, response: Response) -> None:
        """The ACK will match an INVITE without a magic cookie by the To tag of the response that was sent
        (§17.2.3).
        """
        request = transaction.request
        branch = request.top_via.branch
        if branch is None or not _is_unique(branch):
            transaction.ack_key = _rfc2543_key(request, "INVITE", response.to_tag)
            self._rfc2543_acks[transaction.ack_key] = transaction

    def merges_with(self, transaction: ServerTransaction) -> bool:
        """True when an earlier transaction with another key has the same From tag, Call-ID and CSeq
        (§8.2.2.2).
        """
        merge_key = transaction.merge_key
        return merge_key is not None and self._going_on[merge_key] is not transaction

    def settle(self, transaction: ServerTransaction) -> None:
        """The transaction isn't going on any more, as far as merged requests are concerned."""
        merge_key = transaction.merge_key
        if merge_key is not None and self._going_on.get(merge_key) is transaction:
            del self._going_on[merge_key]
