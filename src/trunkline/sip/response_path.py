"""Where a request came from and where its response goes: RFC 3261 §18.2.1, §18.2.2 and RFC 3581 §4.

`mark_source` writes `received` and `rport` into the top Via; `reply_path` chooses the way back:

- UDP with `rport`: the flow that the request came on, so the response leaves from the same address and port
  (RFC 3581 §4);
- UDP without: the source address, and the port of the sent-by (5060 when it names none);
- TCP and TLS: the same connection while it is open, else a new one to the source address and the sent-by
  port.

Deliberate deviations, each so that nobody can aim our answers at a third party: the address is always the one
that the packet came from, never what a `received` parameter or the sent-by host claims (so the RFC 3263 §5
lookup of the sent-by name is not made either), and `maddr` is ignored. Nothing is sent to a broadcast,
multicast or unspecified address or to port 0.
"""

import ipaddress
from functools import lru_cache

from trunkline.sip.message import Request
from trunkline.sip.ports import Address, Flow, Target, Transport

DEFAULT_PORT = {Transport.UDP: 5060, Transport.TCP: 5060, Transport.TLS: 5061}
"""RFC 3261 §18.1.1: the port of a sent-by that names none."""


@lru_cache(maxsize=4096)
def _unicast(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return not (address.is_multicast or address.is_unspecified or host == "255.255.255.255")


def may_answer(remote: Address) -> bool:
    """False for a source that no response may ever be sent to."""
    return remote.port > 0 and _unicast(remote.host)


def mark_source(request: Request, remote: Address) -> None:
    """Fill in `received` and `rport` of the top Via (RFC 3261 §18.2.1, RFC 3581 §4).

    `received` is added when the sent-by host is a name or another address, and always when the client asked
    for `rport`; whatever the client wrote there itself is replaced.
    """
    via = request.top_via
    params = via.params
    host, port = remote
    if "rport" in params:
        request.set_top_via(via.with_params(received=host, rport=str(port)))
    elif via.host != host or "received" in params:
        request.set_top_via(via.with_params(received=host))


def reply_path(request: Request, flow: Flow) -> Flow | Target | None:
    """The way back for responses to `request`, received on `flow`: a flow, a target to find a flow to, or
    None for nowhere.
    """
    via = request.top_via
    transport = flow.transport
    remote = flow.remote
    if transport.reliable:
        if not flow.closed:
            return flow
    elif "rport" in via.params:
        return flow if may_answer(remote) else None
    address = Address(remote.host, via.port or DEFAULT_PORT[transport])
    if not may_answer(address):
        return None
    if address == remote and not transport.reliable:
        return flow
    return Target(transport, address)
