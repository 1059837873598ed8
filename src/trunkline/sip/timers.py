"""The timer values of RFC 3261 Table 4, with timers L and M of RFC 6026 §8.11 and timer 100 of §17.2.1.

=====  =====================================  ===============  ==========================================
timer  value (unreliable / reliable)          RFC 3261         what it does
=====  =====================================  ===============  ==========================================
A      T1, doubling, no cap / not armed       §17.1.1.2        retransmit the INVITE
B      64·T1                                  §17.1.1.2        give the INVITE up, in Calling only
D      at least 32 s / 0                      §17.1.1.2        absorb retransmitted 300-699
E      T1, doubling up to T2 / not armed      §17.1.2.2        retransmit another request
F      64·T1                                  §17.1.2.2        give another request up
G      T1, doubling up to T2 / not armed      §17.2.1          retransmit the 300-699 to an INVITE
H      64·T1                                  §17.2.1          give up waiting for the ACK
I      T4 / 0                                 §17.2.1          absorb retransmitted ACKs
J      64·T1 / 0                              §17.2.2          absorb retransmitted requests
K      T4 / 0                                 §17.1.2.2        absorb retransmitted responses
L      64·T1                                  RFC 6026 §8.7    absorb retransmitted accepted INVITEs
M      64·T1                                  RFC 6026 §8.4    let every 2xx through
=====  =====================================  ===============  ==========================================

Timer C belongs to proxies (§16.6); how long a call may ring is decided above the transactions.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class TimerValues:
    """T1, T2 and T4 in seconds, and what follows from them. Raises ValueError unless 0 < T1 ≤ T2 and 0 <
    T4.
    """

    t1: float = 0.5
    """Estimate of the round-trip time (§17.1.1.1)."""
    t2: float = 4.0
    """The longest interval between retransmissions other than those of an INVITE (§17.1.2.2)."""
    t4: float = 5.0
    """How long the network may keep a message (§17.1.2.2): timers I and K."""
    trying_s: float = 0.2
    """How long the user of an INVITE server transaction may stay silent before a 100 is sent for it
    (§17.2.1).
    """
    timeout_s: float = field(init=False)
    """64·T1: timers B, F, H, J, L and M."""
    d_s: float = field(init=False)
    """Timer D on unreliable transports: never below 32 s, since the peer's T1 is not known (§17.1.1.2)."""
    non_invite_trying_s: float = field(init=False)
    """When timer E reaches T2: from then on a non-INVITE request must have been answered with a 100 (RFC 4320
    §4.1).
    """

    def __post_init__(self) -> None:
        if not (0 < self.t1 <= self.t2 and self.t4 > 0 and self.trying_s >= 0):
            raise ValueError("timers must satisfy 0 < T1 <= T2, 0 < T4 and 0 <= trying_s")
        object.__setattr__(self, "timeout_s", 64 * self.t1)
        object.__setattr__(self, "d_s", max(32.0, 64 * self.t1))
        elapsed, interval = 0.0, self.t1
        while interval < self.t2:
            elapsed += interval
            interval *= 2
        object.__setattr__(self, "non_invite_trying_s", elapsed)
