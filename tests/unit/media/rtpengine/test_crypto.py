"""The lines that an rtpengine takes its keys from."""

from base64 import b64decode

import pytest

from tests.unit.media.rtpengine.remotes import peer
from trunkline.call.ports import SrtpKeys
from trunkline.media.rtpengine.crypto import key_for, peers_line, usable

OURS, THEIRS = b"o" * 30, b"t" * 30


@pytest.mark.parametrize(
    ("keys", "possible"),
    [
        (SrtpKeys(OURS, THEIRS), True),
        (SrtpKeys(OURS, THEIRS, bytes(128)), True),
        (SrtpKeys(OURS, THEIRS, bytes(129)), False),
        (SrtpKeys(OURS[1:], THEIRS), False),
        (SrtpKeys(OURS, THEIRS + b"t"), False),
    ],
)
def test_keys_have_a_length(keys: SrtpKeys, possible: bool) -> None:
    assert usable(keys) is possible


def test_plain_rtp_has_none() -> None:
    assert key_for(None) is key_for(peer()) is None
    assert peers_line(1, None) == peers_line(1, peer()) == []


def test_the_peers_line_has_the_key_of_what_it_sends() -> None:
    remote = peer(srtp=SrtpKeys(OURS, THEIRS))
    (line,) = peers_line(2, remote)
    name, _, key = line.partition(" inline:")
    assert (name, b64decode(key)) == ("crypto:2 AES_CM_128_HMAC_SHA1_80", THEIRS)
    assert key_for(remote) == OURS


def test_an_identifier_is_told_by_its_length() -> None:
    (line,) = peers_line(1, peer(srtp=SrtpKeys(OURS, THEIRS, bytes(7))))
    assert line.endswith("|1:7")
