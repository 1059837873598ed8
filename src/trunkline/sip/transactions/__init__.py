"""The four transaction machines of RFC 3261 §17 as corrected by RFC 6026, and the table that messages are
matched in.

One file per figure: `invite_client` (RFC 6026 Figure 5), `non_invite_client` (RFC 3261 Figure 6),
`invite_server` (RFC 6026 Figure 7), `non_invite_server` (RFC 3261 Figure 8). `client` and `server` hold what
two of them share.

A machine holds at most one timer of the clock's heap at any moment: where the RFC runs two (A and B, E and F,
G and H), the earlier one is armed, and re-armed for the other. That keeps the heap short and a transaction
cheap.
"""
