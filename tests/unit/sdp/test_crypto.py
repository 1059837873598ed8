"""`a=crypto` read, chosen, matched and written. The RFC's own lines are in tests/conformance/rfc4568."""

import random
from base64 import b64encode

import pytest

from trunkline.sdp.crypto import (
    MAX_LINE,
    SUITE,
    CryptoLine,
    choose,
    match_answer,
    our_line,
    read_crypto,
    read_line,
)
from trunkline.sdp.errors import UnusableCryptoError

KEY = bytes(range(30))
OTHER_KEY = bytes(range(100, 130))
INLINE = f"inline:{b64encode(KEY).decode()}"
LINE = f"1 {SUITE} {INLINE}"


@pytest.mark.parametrize(
    ("value", "line"),
    [
        (LINE, CryptoLine(1, KEY)),
        (f"0 {SUITE} {INLINE}", CryptoLine(0, KEY)),
        (f"999999999\t {SUITE}  {INLINE} ", CryptoLine(999999999, KEY)),
        (f"1 {SUITE.lower()} {INLINE.replace('inline', 'INLINE')}", CryptoLine(1, KEY)),
        (f"{LINE}|2^31", CryptoLine(1, KEY, 2**31)),
        (f"{LINE}|2^48", CryptoLine(1, KEY, 2**48)),
        (f"{LINE}|1048576", CryptoLine(1, KEY, 2**20)),
        (f"{LINE}|1:1", CryptoLine(1, KEY, mki=b"\x01")),
        (f"{LINE}|2^20|1066:4", CryptoLine(1, KEY, 2**20, b"\x00\x00\x04\x2a")),
        (f"{LINE}|{256**128 - 1}:128", CryptoLine(1, KEY, mki=b"\xff" * 128)),
        (f"{LINE}=", CryptoLine(1, KEY)),
        (f"{LINE} WSH=64 FEC_ORDER=FEC_SRTP -vendor=x", CryptoLine(1, KEY)),
        (f"{LINE} wsh=1024", CryptoLine(1, KEY)),
    ],
)
def test_a_line_that_can_be_used(value: str, line: CryptoLine) -> None:
    assert read_line(value) == line


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("", "malformed"),
        ("1", "malformed"),
        (f"01 {SUITE} {INLINE}", "malformed"),
        (f"1234567890 {SUITE} {INLINE}", "malformed"),
        (f"\u00b2 {SUITE} {INLINE}", "malformed"),
        (f" {LINE}", "malformed"),
        (f"1 {SUITE}", "malformed"),
        (f"1 {SUITE} {INLINE} \u00fc", "malformed"),
        (f"{LINE}\n", "malformed"),
        (f"1 AES_CM_128_HMAC_SHA1_32 {INLINE}", SUITE),
        (f"1 F8_128_HMAC_SHA1_80 {INLINE}", SUITE),
        (f"1 AES_256_CM_HMAC_SHA1_80 {INLINE}", SUITE),
        (f"1 {SUITE} uri:{INLINE[7:]}", "no inline key"),
        (f"1 {SUITE} {INLINE[:-1]}", "no inline key"),
        (f"1 {SUITE} {INLINE}AAAA", "no inline key"),
        (f"1 {SUITE} {INLINE[:-1]}-", "no inline key"),
        (f"1 {SUITE} inline:", "no inline key"),
        (f"{LINE}|", "no inline key"),
        (f"{LINE}|0", "no inline key"),
        (f"{LINE}|020", "no inline key"),
        (f"{LINE}|2^020", "no inline key"),
        (f"{LINE}|2^49", "lifetime"),
        (f"{LINE}|281474976710657", "lifetime"),
        (f"{LINE}|1:4|2^20", "no inline key"),
        (f"{LINE}|1:", "no inline key"),
        (f"{LINE}|01:4", "no inline key"),
        (f"{LINE}|0:4", "no inline key"),
        (f"{LINE}|256:1", "impossible length"),
        (f"{LINE}|1:129", "impossible length"),
        (f"{LINE}|1:4;{INLINE}|2:4", "more than one key"),
        (f"{LINE} UNENCRYPTED_SRTP", "unprotected"),
        (f"{LINE} unencrypted_srtcp", "unprotected"),
        (f"{LINE} WSH=64 UNAUTHENTICATED_SRTP", "unprotected"),
        (f"{LINE} KDR=1", "session parameter"),
        (f"{LINE} FEC_ORDER=SRTP_FEC", "session parameter"),
        (f"{LINE} FEC_KEY={INLINE}", "session parameter"),
        (f"{LINE} WSH=63", "session parameter"),
        (f"{LINE} WSH=064", "session parameter"),
        (f"{LINE} something", "session parameter"),
        (f"{LINE} -", "session parameter"),
        (LINE + " -" + "x" * MAX_LINE, "longer"),
    ],
)
def test_a_line_that_can_not(value: str, why: str) -> None:
    with pytest.raises(UnusableCryptoError, match=why) as caught:
        read_line(value)
    assert INLINE[7:20] not in str(caught.value), "an error never shows a key"


def test_a_line_does_not_show_its_key() -> None:
    assert repr(read_line(LINE)) == "CryptoLine(tag=1, lifetime=281474976710656, mki=b'')"


def test_the_first_line_that_can_be_used_is_taken() -> None:
    offer = [
        f"1 AES_256_CM_HMAC_SHA1_80 inline:{'A' * 62}",
        f"2 AES_CM_128_HMAC_SHA1_32 {INLINE}",
        f"3 {SUITE} {INLINE} UNENCRYPTED_SRTCP",
        f"4 {SUITE} {INLINE}",
        f"5 {SUITE} inline:{b64encode(OTHER_KEY).decode()}",
    ]
    assert [line.tag for line in read_crypto(offer)] == [4, 5]
    assert choose(offer) == CryptoLine(4, KEY), "and the key of line 2 once more does no harm"


def test_lines_that_share_a_tag_are_not_taken() -> None:
    twice = [LINE, f"1 AES_CM_128_HMAC_SHA1_32 {INLINE}"]
    assert read_crypto(twice) == []
    with pytest.raises(UnusableCryptoError, match="tag"):
        choose([LINE, LINE])
    assert choose([*twice, f"2 {SUITE} {INLINE}"]).tag == 2


def test_an_offer_without_a_line_to_take_says_why() -> None:
    with pytest.raises(UnusableCryptoError, match="no crypto line"):
        choose([])
    with pytest.raises(UnusableCryptoError, match="unprotected"):
        choose([f"{LINE} UNENCRYPTED_SRTP", "rubbish"])


def test_an_answer_takes_our_line() -> None:
    answer = f"1 {SUITE} inline:{b64encode(OTHER_KEY).decode()}|2^31"
    assert match_answer([answer], 1, KEY) == CryptoLine(1, OTHER_KEY, 2**31)


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ([], "exactly one"),
        ([f"1 {SUITE} inline:{b64encode(OTHER_KEY).decode()}"] * 2, "exactly one"),
        ([f"2 {SUITE} inline:{b64encode(OTHER_KEY).decode()}"], "not offered"),
        ([f"1 AES_CM_128_HMAC_SHA1_32 inline:{b64encode(OTHER_KEY).decode()}"], SUITE),
        ([f"1 {SUITE} inline:{b64encode(OTHER_KEY).decode()} UNENCRYPTED_SRTP"], "unprotected"),
        ([LINE], "our own key"),
    ],
)
def test_an_answer_that_does_not(values: list[str], why: str) -> None:
    with pytest.raises(UnusableCryptoError, match=why):
        match_answer(values, 1, KEY)


def test_what_we_write_is_read_back() -> None:
    assert our_line(7, OTHER_KEY).startswith(f"crypto:7 {SUITE} inline:")
    assert read_line(our_line(7, OTHER_KEY).removeprefix("crypto:")) == CryptoLine(7, OTHER_KEY)
    with pytest.raises(ValueError, match="30 octets"):
        our_line(1, b"short")


def test_rubbish_raises_nothing_else() -> None:
    dice = random.Random(4568)
    for _ in range(3000):
        text = list(f"{LINE}|2^20|1066:4 WSH=64")
        for _ in range(dice.randrange(1, 6)):
            text[dice.randrange(len(text))] = chr(dice.randrange(256))
        try:
            line = read_line("".join(text))
        except UnusableCryptoError:
            continue
        assert len(line.key_and_salt) == 30
