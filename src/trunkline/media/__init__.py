"""The media engines behind `call.ports.MediaEngine`: the embedded native one, rtpengine, and a verified
fake.

`embedded` relays real packets (RTP: RFC 3550, DTMF: RFC 4733) in threads that never touch Python; `fake`
relays nothing and keeps the same books, on a clock of the test's choosing. Both also make terminals
(`terminals`): far ends that speak and listen, of which the simulated carrier and the test telephone are made.
`rtpengine` has others relay. One contract suite runs over all engines.
"""
