"""rtpengine (github.com/sipwise/rtpengine, 10.5 and later) as a media engine, by its ng protocol.

From the wire up: `bencode` is the encoding, `exchange` asks and repeats until answered (cookies), `wires` are
UDP, TCP and HTTP. `description` writes the session descriptions that rtpengine wants and reads those that it
gives, `crypto` the lines in them for SRTP keys, `words` the commands around them; `counts` reads its figures,
`sounds` renders what it plays, `digit_log` hears what it tells of keys. A `room` is one call at an rtpengine
with a `side` for each leg (`playing` is its part for sounds and digits, `silencing` for what nobody is to
hear), an `instance` is one rtpengine with
its health and the rooms that it keeps ready, a `leg` the face of a side, and `engine` the
`call.ports.MediaEngine` over all of them.

Why rooms are made ahead: docs/adr/0008.
"""
