"""Sockets: UDP, TCP and TLS listeners and connections, DNS (RFC 3263), admission at the door.

`transports.Transports` is the `Connector` of `trunkline.sip.ports`, `resolver.Resolver` its `Locator`,
`loop_clock.LoopClock` its `Clock`. Nothing here reads more of a message than framing needs.
"""
