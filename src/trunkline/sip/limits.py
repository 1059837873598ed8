"""Every bound that the message layer applies to a peer's bytes.

All sizes are bytes of the wire form unless named otherwise.
"""

HEAD_BYTES = 32_768
"""Start line and header fields together. RFC 4475's longest valid request (§3.1.1.7) has 3.5 kB."""

BODY_BYTES = 65_536
"""Content-Length that a stream may announce; a datagram can't be larger anyway (RFC 3261 §18.1.1)."""

HEADER_FIELDS = 256
"""Header field lines of one message."""

LIST_ELEMENTS = 128
"""Elements of one comma-separated header, over all its lines. Via can't exceed Max-Forwards' useful range."""

PARAMETERS = 64
"""Parameters of one URI, Via, name-addr or credentials."""

CSEQ_MAX = 2**31 - 1
"""RFC 3261 §8.1.1.5: the sequence number MUST be less than 2**31."""

MAX_FORWARDS_MAX = 255
"""RFC 3261 §20.22."""

DELTA_SECONDS_MAX = 2**32 - 1
"""RFC 3261 §20.19: Expires and its kin."""

RSEQ_MAX = 2**32 - 1
"""RFC 3262 §7.1."""
