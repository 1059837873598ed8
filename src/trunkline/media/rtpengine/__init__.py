"""rtpengine (github.com/sipwise/rtpengine, 10.5 and later) as a media engine, by its ng protocol.

From the wire up: `bencode` is the encoding, `exchange` asks and repeats until answered (cookies), `wires` are
UDP, TCP and HTTP; `description` writes the session descriptions that rtpengine wants and reads those that it
gives, `counts` reads its figures; a `room` is one call at an rtpengine, an `instance` one rtpengine with its
health and the rooms that it keeps ready, and `engine` is the `call.ports.MediaEngine` over all of them.

Why rooms are made ahead: docs/adr/0014.
"""
