"""The crypto lines that RFC 4568 prints, one test for each place."""

import pytest

from trunkline.sdp.crypto import CryptoLine, choose, match_answer, our_line, read_line
from trunkline.sdp.errors import UnusableCryptoError
from trunkline.sdp.offer_answer import SECURE_PROFILES, RemoteAudio

SECTION_4 = "1 AES_CM_128_HMAC_SHA1_80 inline:PS1uQCVeeCFCanVmcjkpPywjNWhcYD0mXXtxaVBR|2^20|1:32"
SECTION_4_5_VIDEO = "1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj|2^20|1:32"
SECTION_4_5_AUDIO = "1 AES_CM_128_HMAC_SHA1_32 inline:NzB4d1BINUAvLEw6UzF3WSJ+PSdFcGdUJShpX1Zj|2^20|1:32"
SECTION_6_1 = "1 AES_CM_128_HMAC_SHA1_80 inline:YUJDZGVmZ2hpSktMbW9QUXJzVHVWd3l6MTIzNDU2|1066:4"
OFFER_7_1_5 = b"""v=0
o=sam 2890844526 2890842807 IN IP4 10.47.16.5
s=SRTP Discussion
i=A discussion of Secure RTP
u=http://www.example.com/seminars/srtp.pdf
e=marge@example.com (Marge Simpson)
c=IN IP4 168.2.17.12
t=2873397496 2873404696
m=audio 49170 RTP/SAVP 0
a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz|2^20|1:4 \
FEC_ORDER=FEC_SRTP
a=crypto:2 F8_128_HMAC_SHA1_80 inline:MTIzNDU2Nzg5QUJDREUwMTIzNDU2Nzg5QUJjZGVm|2^20|1:4;\
inline:QUJjZGVmMTIzNDU2Nzg5QUJDREUwMTIzNDU2Nzg5|2^20|2:4 FEC_ORDER=FEC_SRTP
"""
ANSWER_7_1_5 = b"""v=0
o=jill 25690844 8070842634 IN IP4 10.47.16.5
s=SRTP Discussion
i=A discussion of Secure RTP
u=http://www.example.com/seminars/srtp.pdf
e=homer@example.com (Homer Simpson)
c=IN IP4 168.2.17.11
t=2873397526 2873405696
m=audio 32640 RTP/SAVP 0
a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:PS1uQCVeeCFCanVmcjkpPywjNWhcYD0mXXtxaVBR|2^20|1:4
"""


def test_section_4() -> None:
    key_and_salt = b"=-n@%^x!Bjufr9)?,#5h\\`=&]{qiPQ"
    assert read_line(SECTION_4) == CryptoLine(1, key_and_salt, 2**20, bytes(31) + b"\x01")


def test_section_4_5() -> None:
    assert read_line(SECTION_4_5_VIDEO).key_and_salt == b"wDfvg&T+)xG7@fb5jU,RaA}\\|p0%*#"
    with pytest.raises(UnusableCryptoError, match="only crypto suite"):
        read_line(SECTION_4_5_AUDIO)


def test_section_6_1() -> None:
    line = read_line(SECTION_6_1)
    assert line == CryptoLine(1, b"aBCdefghiJKLmoPQrsTuVwyz123456", mki=(1066).to_bytes(4))


def test_section_7_1_5_the_offer_as_jill_reads_it() -> None:
    audio = RemoteAudio.read(OFFER_7_1_5, SECURE_PROFILES)
    assert choose(audio.crypto) == CryptoLine(1, b"YS___semctl () {\t220;}\n}\nunles", 2**20, (1).to_bytes(4))
    with pytest.raises(UnusableCryptoError, match="only crypto suite"):
        choose(audio.crypto[1:])


def test_section_7_1_5_the_answer_as_sam_reads_it() -> None:
    audio = RemoteAudio.read(ANSWER_7_1_5, SECURE_PROFILES)
    offered = b"YS___semctl () {\t220;}\n}\nunles"
    assert match_answer(audio.crypto, 1, offered).key_and_salt == read_line(SECTION_4).key_and_salt
    with pytest.raises(UnusableCryptoError, match="not offered"):
        match_answer(audio.crypto, 2, offered)


def test_what_jill_writes_is_the_rfcs_line_without_what_is_optional() -> None:
    written = our_line(1, read_line(SECTION_4).key_and_salt)
    assert f"a={written}".encode() in ANSWER_7_1_5
