"""How an rtpengine gets the SRTP keys that a call has agreed on (SDES, RFC 4568), though it makes its own.

The peer's key is what the peer's own description says in its crypto line. For the key of what rtpengine sends
itself there is no word, but a rule: the lines of an offer go on, keys and all, to whoever gets that offer,
and rtpengine protects with the one whose tag the answer chooses. So our key for one peer stands as a line in
an offer of the other one, and is what the answer chooses. It stays from then on, for as long as that peer has
SRTP; another key of ours is given by another such offer.

An rtpengine keeps of its own lines those with the tag that the peer's first line has. So each side has one
tag for both ways, and the peer's own line is the first.
"""

from typing import Final

from trunkline.call.ports import RemoteMedia, SrtpKeys
from trunkline.sdp.crypto import KEY_AND_SALT_OCTETS, MAX_MKI_OCTETS, our_line

CALLER_TAG: Final = 1
CALLEE_TAG: Final = 2


def usable(keys: SrtpKeys) -> bool:
    """Whether they are of a possible length."""
    return (
        len(keys.send) == len(keys.receive) == KEY_AND_SALT_OCTETS and len(keys.receive_mki) <= MAX_MKI_OCTETS
    )


def key_for(remote: RemoteMedia | None) -> bytes | None:
    """Our key for what this peer is sent; None where that is plain, or nobody is known."""
    return None if remote is None or remote.srtp is None else remote.srtp.send


def peers_line(tag: int, remote: RemoteMedia | None) -> list[str]:
    """The attribute with the key of what comes from this peer; none for plain RTP.

    rtpengine skips a master key identifier by its length and looks at nothing else of it.
    """
    if remote is None or remote.srtp is None:
        return []
    mki = remote.srtp.receive_mki
    return [our_line(tag, remote.srtp.receive) + (f"|1:{len(mki)}" if mki else "")]
