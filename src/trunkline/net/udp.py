"""One UDP socket: datagrams in, datagrams out, and what ICMP says about either.

The cheapest loop that Python allows: a bounded run of receives per wake-up, no task, no future, a cached flow
per peer, one buffer for all (a fresh one of 64 KB for each datagram tears holes into the heap). Requests
leave from the listening socket, so a peer that trusts the published address and port recognises them.

Deliberately:
- The event loop watches an epoll set that holds the socket, not the socket: uvloop stops watching a
  descriptor for good once it reports an error, and with IP_RECVERR each ICMP message is one
  (`test_an_icmp_error_does_not_deafen_the_socket`).
- STUN binding requests (first byte 0 or 1, RFC 5626 §8) are not answered, and CRLF keep-alives over UDP need
  no answer (RFC 5626 §4.4.1 allows them on connections only): both are dropped, as is anything too short to
  be SIP.
- Datagrams over IPv4 may be fragmented on their way (no DF): RFC 3261 §18.1.1 lets one be longer than what
  the narrowest path takes whole, and where ICMP is filtered nobody would say that it was dropped. Over IPv6
  only the sender fragments (RFC 8200 §5).
- A full send buffer queues datagrams; a full queue drops them, since SIP retransmits over UDP.
"""

import asyncio
import contextlib
import errno
import select
import socket
from collections import deque
from typing import Final

from trunkline.errors import NetError
from trunkline.net.admission import Gate
from trunkline.net.binding import why_not_bound
from trunkline.net.flows import Receiver, TransportEvents, address_of
from trunkline.net.icmp import ANCILLARY_SIZE, IP_RECVERR, IPV6_RECVERR, QUOTE_SIZE, failure_of
from trunkline.net.settings import Listen, UdpLimits
from trunkline.sip.failures import FlowFailure, FlowFailureKind
from trunkline.sip.ports import Address, Transport

MAX_DATAGRAM: Final = 65_535
MIN_DATAGRAM: Final = 20
"""Bytes below which nothing is SIP: `SIP/2.0 200` and one header field need more."""
SEND_TRIES: Final = 3
"""An error pending from an earlier datagram to anyone fails the next send to someone else: that one is
repeated.
"""

_BUFFER_OPTIONS: Final = ((socket.SO_RCVBUF, 33), (socket.SO_SNDBUF, 32))
"""Each with its FORCE twin, which a process with CAP_NET_ADMIN may use to go beyond net.core.*mem_max
(socket(7)).
"""
_IP_MTU_DISCOVER: Final = 10
_IP_PMTUDISC_DONT: Final = 0
"""ip(7); Linux sets DF in datagrams otherwise."""
_PADDING: Final = b"\r\n\0"
_FULL: Final = (errno.EAGAIN, errno.ENOBUFS)
_Sockaddr = tuple[str, int] | tuple[str, int, int, int]


class UdpFlow:
    """A peer as seen from one UDP socket. Equal to any other flow of the same socket and peer. Never
    closes.
    """

    __slots__ = ("_sockaddr", "_udp", "remote", "sent_by")

    transport: Final = Transport.UDP
    closed: Final = False
    tls_version: Final = None

    def __init__(self, udp: "UdpSocket", sockaddr: _Sockaddr) -> None:
        self._udp = udp
        self._sockaddr = sockaddr
        self.remote: Final = address_of(sockaddr)
        self.sent_by: Final = udp.advertised

    def send(self, data: bytes) -> None:
        udp = self._udp
        if udp.gate is not None:
            udp.gate.sent(self.remote.host, data)
        try:
            udp.sendto(data, self._sockaddr)
        except OSError as error:
            udp.send_failed(data, self._sockaddr, self, error)

    def __eq__(self, other: object) -> bool:
        return self is other or (
            isinstance(other, UdpFlow) and self._udp is other._udp and self._sockaddr == other._sockaddr
        )

    def __hash__(self) -> int:
        return hash(self._sockaddr)

    def __repr__(self) -> str:
        return f"<UDP {self.remote}>"


class UdpSocket:
    """A bound, non-blocking UDP socket in the event loop, from construction until `close`."""

    def __init__(
        self,
        listen: Listen,
        receiver: Receiver,
        *,
        loop: asyncio.AbstractEventLoop,
        gate: Gate | None,
        events: TransportEvents,
        limits: UdpLimits,
        dual_stack: bool = False,
    ) -> None:
        """Bind and begin to receive. An IPv6 socket takes IPv4 too when `dual_stack`. Raises `NetError`."""
        self._ipv6 = ":" in listen.bind.host
        self._mapped = self._ipv6 and dual_stack
        self._socket = _bound_socket(listen.bind, limits, v6only=not dual_stack)
        port = self._socket.getsockname()[1]
        self.bound: Final = Address(listen.bind.host, port)
        self.advertised: Final = Address(listen.advertised.host, listen.advertised.port or port)
        self.sendto: Final = self._socket.sendto
        self._receiver = receiver
        self._loop = loop
        self.gate: Final = gate
        self._events = events
        self._limits = limits
        self._flows: dict[_Sockaddr, UdpFlow] = {}
        self._buffer = bytearray(MAX_DATAGRAM)
        self._view = memoryview(self._buffer)
        self._unsent: deque[tuple[bytes, _Sockaddr]] = deque()
        self.dropped = 0
        """Datagrams that could not be sent: the queue was full."""
        self.ignored = 0
        """Datagrams received that were no SIP: keep-alives, STUN, fragments of anything."""
        self._behind_since: float | None = None
        """The loop's time since which there may be more than was read; None: all was read."""
        self._epoll = select.epoll()
        self._epoll.register(self._socket, select.EPOLLIN)
        loop.add_reader(self._epoll.fileno(), self._ready)

    def reaches(self, *, ipv6: bool) -> bool:
        """Whether peers of the family can be reached from here."""
        return self._ipv6 if ipv6 else not self._ipv6 or self._mapped

    def flow_to(self, address: Address) -> UdpFlow:
        """The flow to a peer of a family that this socket `reaches`."""
        if not self._ipv6:
            return self._flow(address)
        host = address.host if ":" in address.host else f"::ffff:{address.host}"
        return self._flow((host, address.port, 0, 0))

    def behind_s(self) -> float:
        """Seconds since everything that had come was read last: nothing that waits has waited longer."""
        if self._behind_since is None:
            return 0.0
        if not any(event & select.EPOLLIN for _, event in self._epoll.poll(0)):
            self._behind_since = None
            return 0.0
        return self._loop.time() - self._behind_since

    def close(self) -> None:
        """Stop. Datagrams still queued are lost. Idempotent."""
        if not self._epoll.closed:
            self._loop.remove_reader(self._epoll.fileno())
            self._epoll.close()
            self._socket.close()
            self._unsent.clear()

    def send_failed(self, data: bytes, sockaddr: _Sockaddr, flow: UdpFlow, error: OSError) -> None:
        """A send raised: queue, repeat or report. The failure is reported from the event loop, never from
        here.
        """
        tries = 1
        while True:
            if self._epoll.closed:
                return
            if error.errno in _FULL:
                self._queue(data, sockaddr)
                return
            if tries == SEND_TRIES:
                break
            tries += 1
            try:
                self.sendto(data, sockaddr)
            except OSError as again:
                error = again
            else:
                return
        failure = FlowFailure(FlowFailureKind.UNREACHABLE, error.strerror or str(error))
        self._loop.call_soon(self._receiver.flow_failed, flow, failure)

    def _flow(self, sockaddr: _Sockaddr) -> UdpFlow:
        flow = self._flows.get(sockaddr)
        if flow is None:
            if len(self._flows) >= self._limits.flow_cache:
                self._flows.clear()
            flow = self._flows[sockaddr] = UdpFlow(self, sockaddr)
        return flow

    def _ready(self) -> None:
        if self._unsent:
            self._flush()
        receive, buffer, view = self._socket.recvfrom_into, self._buffer, self._view
        flows = self._flows
        gate = self.gate
        received = self._receiver.received
        for count in range(self._limits.datagrams_per_wakeup):
            try:
                size, source = receive(buffer)
            except BlockingIOError:
                self._behind_since = None
                if count == 0:
                    self._read_errors()
                return
            except OSError:
                self._read_errors()
                continue
            data = bytes(view[:size])
            if size < MIN_DATAGRAM or data[0] < 0x21:
                data = data.lstrip(_PADDING)
                if len(data) < MIN_DATAGRAM or data[0] < 0x21:
                    self.ignored += 1
                    continue
            flow = flows.get(source)
            if flow is None:
                flow = self._flow(source)
            if gate is not None and not gate.admits(flow.remote.host, data, proven=False):
                continue
            try:
                received(data, flow)
            except Exception as error:  # noqa: BLE001 - the door where a fault in one message stops
                self._events.faulted("received over UDP", error)
            if self._epoll.closed:
                return
        if self._behind_since is None:
            self._behind_since = self._loop.time()

    def _read_errors(self) -> None:
        """Empty the kernel's error queue, up to a bound: what is left keeps the socket readable."""
        for _ in range(self._limits.errors_per_wakeup):
            try:
                quoted, ancillary, _, destination = self._socket.recvmsg(
                    QUOTE_SIZE, ANCILLARY_SIZE, socket.MSG_ERRQUEUE
                )
            except OSError:
                return
            failure = failure_of(ancillary, quoted)
            if failure is not None and destination and destination[1]:
                self._loop.call_soon(self._receiver.flow_failed, self._flow(destination), failure)

    def _queue(self, data: bytes, sockaddr: _Sockaddr) -> None:
        if len(self._unsent) >= self._limits.send_queue:
            self.dropped += 1
            return
        if not self._unsent:
            self._epoll.modify(self._socket, select.EPOLLIN | select.EPOLLOUT)
        self._unsent.append((data, sockaddr))

    def _flush(self) -> None:
        unsent = self._unsent
        while unsent:
            data, sockaddr = unsent[0]
            try:
                self.sendto(data, sockaddr)
            except OSError as error:
                if error.errno in _FULL:
                    return
                unsent.popleft()
                self.send_failed(data, sockaddr, self._flow(sockaddr), error)
            else:
                unsent.popleft()
        self._epoll.modify(self._socket, select.EPOLLIN)


def _bound_socket(bind: Address, limits: UdpLimits, *, v6only: bool) -> socket.socket:
    ipv6 = ":" in bind.host
    udp = socket.socket(socket.AF_INET6 if ipv6 else socket.AF_INET, socket.SOCK_DGRAM)
    try:
        udp.setblocking(False)
        for option, beyond_the_cap in _BUFFER_OPTIONS:
            udp.setsockopt(socket.SOL_SOCKET, option, limits.socket_buffer)
            with contextlib.suppress(PermissionError):
                udp.setsockopt(socket.SOL_SOCKET, beyond_the_cap, limits.socket_buffer)
        udp.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
        udp.setsockopt(socket.IPPROTO_IP, _IP_MTU_DISCOVER, _IP_PMTUDISC_DONT)
        if ipv6:
            udp.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVERR, 1)
            udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(v6only))
        udp.bind((bind.host, bind.port))
    except OSError as error:
        with contextlib.suppress(OSError):
            udp.close()
        raise NetError(f"can't listen on UDP {bind}: {why_not_bound(error, bind.port)}") from error
    return udp
