"""Live state that the nodes of one service share in Valkey or Redis: what accounts hold of their limits, and
what one node makes known to the others (ADR 15).

    ledger   the limits of accounts, held exactly at all nodes together: `call.ports.CallLimits`
    board    notices: what a node makes known, and hears of the others
    post     letters from one node to another
    checkpoints  what another node needs to go on with a call of a dead one
    words    what is said to the server, and its answers
    link     one conversation with the server at a time; what happens when it is away or stalls
    wire     the client library, and nothing else of it
    *.lua    what happens at the server: each script runs there as one step

`ledger`, `board` and `words` wait for nothing; `link` drives them. The server is a shared counter and never
the only holder of anything: each node can say again what it holds. Who may call is `trunk`; what bans,
registrations and health mean is said by the rooms that own them, and `node` joins both.
"""
